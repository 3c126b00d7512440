#!/bin/sh
# Builds what wheels link in: sh vendor/stage.sh PREFIX [ARCHIVE]
#
# A static, position-independent libuv, from the release named here; ARCHIVE is that release when it was
# downloaded already. Needs a C compiler, cmake (or pip to get it) and, without ARCHIVE, curl.
set -eu

version=1.51.0
sha256=5f0557b90b1106de71951a3c3931de5e0430d78da1d9a10287ebc7a3f78ef8eb
url=https://dist.libuv.org/dist/v$version/libuv-v$version.tar.gz

prefix=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=${2:-$work/libuv.tar.gz}
[ -f "$archive" ] || curl -fsSL --retry 3 -o "$archive" "$url"
if command -v sha256sum >/dev/null; then
    sum=$(sha256sum "$archive")
else
    sum=$(shasum -a 256 "$archive")
fi
if [ "${sum%% *}" != "$sha256" ]; then
    echo "$archive is not libuv $version as released: its SHA-256 is ${sum%% *}" >&2
    exit 1
fi

if ! command -v cmake >/dev/null; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q cmake
    PATH=$work/venv/bin:$PATH
fi
# The shared library is built as well: without it there is no libuv.pc. The archive is what gets linked.
mkdir "$work/source"
tar -xzf "$archive" -C "$work/source" --strip-components=1
cmake -S "$work/source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_TESTING=OFF
cmake --build "$work/build" --parallel
cmake --install "$work/build"

# Whoever links it in passes its licence on: pyproject.toml puts these texts into the wheel.
licences=$(dirname "$0")/licences
cat "$work/source/LICENSE" "$work"/source/LICENSE-* >"$licences/libuv.txt"
