#!/bin/bash
# usage: kernel.sh CACHE — prints the folder of Debian's kernel, unpacked and not installed: vmlinux (started without its
# decompressor, which saves seconds where QEMU translates), config, modules/, in modules/order how they are loaded, and
# FreeIPMI's bmc-watchdog, whose package would start it here.
#
# Downloaded once: CACHE keeps it, and only the newest. Without a network an older one does. Ends with 77 where there is none.
set -euo pipefail
mkdir -p "$1"
cache=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

newest() { apt-cache depends linux-image-amd64 2> /dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
version() { apt-cache policy "$1" | sed -n 's/^ *Candidate: //p' | tr -c '[:alnum:].\n-' _; }
whole() { [ "$(cat "$1/done" 2> /dev/null)" = "$parts" ]; }
kept() { for folder in "$cache"/linux-image-*; do ! whole "$folder" || echo "$folder"; done; }

# A folder with other parts is of an older script.
parts="bmc-watchdog $(python3 "$here/image.py" names)"
exec 9> "$cache/lock"
flock 9
package=$(newest)
wanted=${package:+$cache/${package}_$(version "$package")}
if [ -n "$wanted" ] && whole "$wanted"; then echo "$wanted"; exit; fi

fetch() { # PACKAGE FOLDER: downloads and unpacks what the guest needs of it
    rm -rf "$2" && mkdir -p "$2" &&
        (cd "$2" && apt-get -q download "$1" freeipmi-bmc-watchdog) &&
        dpkg-deb -x "$2"/linux-image-*.deb "$2/all" &&
        dpkg-deb -x "$2"/freeipmi-*.deb "$2/all" &&
        python3 "$here/image.py" vmlinux "$2"/all/boot/vmlinuz-* "$2/vmlinux" &&
        mv "$2"/all/boot/config-* "$2/config" &&
        mv "$2/all/usr/sbin/bmc-watchdog" "$2" &&
        depmod -b "$2/all" "$(ls "$2/all/lib/modules")" &&
        python3 "$here/image.py" modules "$2/all" "$2/modules" &&
        rm -rf "$2/all" "$2"/*.deb &&
        echo "$parts" > "$2/done"
}
if [ -n "$package" ] && fetch "$package" "$wanted" > "$cache/log" 2>&1; then
    :
# The list may be older than what the archive still has.
elif as_root apt-get -q update > "$cache/log" 2>&1 && package=$(newest) && [ -n "$package" ] &&
    wanted=$cache/${package}_$(version "$package") && fetch "$package" "$wanted" > "$cache/log" 2>&1; then
    :
else
    # An older one is as real.
    wanted=$(kept | tail -n 1)
    [ -n "$wanted" ] || { echo "no kernel to start: $(tail -n 1 "$cache/log" 2> /dev/null)"; exit 77; }
fi
for other in "$cache"/linux-image-*; do [ "$other" = "$wanted" ] || rm -rf "$other"; done
echo "$wanted"
