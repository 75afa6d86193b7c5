#!/usr/bin/env bash
# Installs below another root, as packagers do, and looks whether all is there: destdir.sh CMAKE BUILD_FOLDER
set -euo pipefail

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root "$1" --install "$2" --prefix /usr >/dev/null
for file in include/fanout/{fanout,tcp,engines}.hpp share/cmake/fanout/fanoutConfig{,Version}.cmake share/pkgconfig/fanout.pc; do
    test -f "$root/usr/$file" || { echo "$file is missing"; exit 1; }
done
if others=$(find "$root" -type f -not -path "$root/usr/include/fanout/*" -not -path "$root/usr/share/cmake/fanout/*" \
    -not -name fanout.pc) && [[ $others ]]; then
    echo "nobody asked for $others"
    exit 1
fi
