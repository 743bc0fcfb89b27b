#!/bin/sh
# Gets the source tree of every release in data/module-sources.json, one folder per version, for `npm run modules` and for
# the tests that read the real sources (SEAMLOCK_TREES): C files only, for nothing else is read. Keep them outside this checkout.
#
#     scripts/get-trees.sh TREES [BASE]      BASE holds OWNER/NAME repositories; https://github.com by default
set -eu
trees=${1:?usage: scripts/get-trees.sh TREES [BASE]}
base=${2:-https://github.com}
sources=$(dirname "$0")/../data/module-sources.json
mkdir -p "$trees"
clones=$(mktemp -d)
trap 'rm -rf "$clones"' EXIT
node -e 'for (const s of JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")))
  console.log(s.version, s.repository, s.revision)' "$sources" |
  while read -r version repository revision; do
    clone=$clones/$(echo "$repository" | tr / +)
    [ -d "$clone" ] || git clone --quiet --bare "$base/$repository" "$clone"
    mkdir "$trees/$version"
    git -C "$clone" archive "$revision" -- '*.c' '*.h' | tar -x -C "$trees/$version"
    echo "$version"
  done
