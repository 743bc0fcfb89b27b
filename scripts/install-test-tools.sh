#!/bin/sh
# Installs what some tests and benchmarks run if it is there: SPIN, a C compiler and Chromium. Needs root and apt; does nothing otherwise.
set -e
if command -v spin >/dev/null && command -v gcc >/dev/null && command -v chromium >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "spin, gcc and chromium are not all installed, and cannot be installed from here; tests that need them will say so" >&2
  exit 0
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends spin gcc libc6-dev chromium fonts-dejavu-core
