#!/usr/bin/env bash
# Set-up of a clone: a virtual environment with the locked packages, and this machine's layers.
# Everything comes from the caches first, so that a second clone needs no network.
set -euo pipefail
python=$1 venv=$2 uv_version=$3 cache=$4 only=${5:-}

missing() { printf 'shelflife needs %s: %s\n' "$1" "$2" >&2; exit 1; }

command -v "$python" >/dev/null || missing "Python 3.11 or newer" "install it from python.org or your system's packages"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  missing "Python 3.11 or newer, this is $("$python" -V)" "install one, or say which: make PYTHON=python3.13"
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing "Python's venv module" "on Debian: apt install python3-venv"
if [ -z "$only" ]; then
  command -v node >/dev/null || missing "Node.js 20 or newer (CDK synthesizes with it)" "install it from nodejs.org or your system's packages"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
    missing "Node.js 20 or newer, this is $(node -v)" "install it from nodejs.org or your system's packages"
fi

# A virtual environment that was cut off, or whose Python went away, is made anew.
"$venv/bin/python" -c 'import sys, pip' 2>/dev/null || { rm -rf "$venv"; echo "making $venv"; "$python" -m venv "$venv"; }

if ! "$venv/bin/uv" --version 2>/dev/null | grep -qF "uv $uv_version "; then
  wheels="$cache/uv-$uv_version"
  "$venv/bin/pip" install -q --no-index --find-links "$wheels" "uv==$uv_version" 2>/dev/null || {
    echo "fetching uv $uv_version"
    "$venv/bin/pip" download -q --no-deps -d "$wheels" "uv==$uv_version"
    "$venv/bin/pip" install -q --no-index --find-links "$wheels" "uv==$uv_version"
  }
fi
[ -z "$only" ] || exit 0

installed() {
  "$venv/bin/uv" pip install -q "$1" --python "$venv/bin/python" --require-hashes -r tests/requirements.txt &&
    "$venv/bin/uv" pip install -q "$1" --python "$venv/bin/python" --no-deps --no-build-isolation -e .
}
echo "installing the locked packages"
installed --offline 2>/dev/null || installed --no-progress
"$venv/bin/python" -m infra.build.layers local
