#!/bin/sh
# Gets the tree of every kernel in data/kernel-sources.json, one folder per version, for the bundled host profiles and for the tests
# that read real kernels (SEAMLOCK_KERNELS): only the folders that are read. Keep them outside this checkout. About 100 MB each.
#
#     scripts/get-kernels.sh KERNELS [BASE [DEBIAN]]
#
# Repositories come from BASE/OWNER/NAME (https://github.com by default), Debian's packages from DEBIAN by apt-get, with a source
# list and caches of its own in a temporary folder: nothing of the system's apt is touched, and root is not needed. A folder that
# is there already is kept. A package that the archive has no more is at https://snapshot.debian.org/package/linux/, whose dated
# archive can be given as DEBIAN.
set -eu
kernels=${1:?usage: scripts/get-kernels.sh KERNELS [BASE [DEBIAN]]}
base=${2:-https://github.com}
debian=${3:-http://deb.debian.org/debian}
sources=$(dirname "$0")/../data/kernel-sources.json
# What the extraction and its tests read.
needed='Makefile arch/x86 drivers/virt include virt kernel/cpu.c kernel/stop_machine.c'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$kernels"

from_repository() { # version repository revision folder
  if [ -d "$base/$2" ]; then
    repository=$base/$2
  else
    repository=$work/$1.git
    git init --quiet --bare "$repository"
    git -C "$repository" fetch --quiet --depth 1 "$base/$2" "$3"
  fi
  # shellcheck disable=SC2086
  git -C "$repository" archive --output "$work/$1.tar" "$3" -- $needed
  tar -x -C "$4" -f "$work/$1.tar"
  rm -rf "$work/$1.tar" "$work/$1.git"
}

prepare_apt() {
  [ -d "$work/apt" ] && return
  mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  : >"$work/apt/sources.list"
  for suite in sid trixie-backports; do
    echo "deb [signed-by=$keyring check-valid-until=no] $debian $suite main" >>"$work/apt/sources.list"
  done
  cat >"$work/apt/apt.conf" <<EOF
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
EOF
  APT_CONFIG=$work/apt/apt.conf apt-get update --quiet=2
}

from_package() { # version package packageVersion sha256 folder
  prepare_apt
  (cd "$work" && APT_CONFIG=$work/apt/apt.conf apt-get download --quiet=2 "$2=$3")
  deb=$(find "$work" -maxdepth 1 -name "$2_*.deb")
  echo "$4  $deb" | sha256sum --check --quiet
  mkdir "$work/$1"
  dpkg-deb -x "$deb" "$work/$1"
  # shellcheck disable=SC2086
  tar -x -C "$5" --strip-components=1 -f "$work/$1/usr/src/$2.tar.xz" $(for path in $needed; do echo "$2/$path"; done)
  rm -rf "$deb" "${work:?}/$1"
}

node -e 'for (const s of JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")))
  console.log(...(s.package === undefined ? ["git", s.version, s.repository, s.revision, "-"] : ["deb", s.version, s.package, s.packageVersion, s.sha256]))' "$sources" |
  while read -r kind version name revision digest; do
    if [ -d "$kernels/$version" ]; then
      echo "$version: there already"
      continue
    fi
    rm -rf "$kernels/.part"
    mkdir "$kernels/.part"
    case $kind in
      git) from_repository "$version" "$name" "$revision" "$kernels/.part" ;;
      deb) from_package "$version" "$name" "$revision" "$digest" "$kernels/.part" ;;
    esac
    mv "$kernels/.part" "$kernels/$version"
    echo "$version"
  done
