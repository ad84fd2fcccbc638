#!/bin/sh
# Places the admin's files on Linux; run as root by whatever manages the machine.
# The one parameter is the folder that holds source.toml and policy.signed.
set -eu

from="${1:-/var/lib/archiver-policy}"
to="/etc/archiver"

# Who could write there would say whom this machine trusts: it must belong to who runs this.
for one in "$from" "$from/source.toml" "$from/policy.signed"; do
    if [ -h "$one" ] || [ ! -O "$one" ] ||
        [ -n "$(find "$one" -prune \( -perm -020 -o -perm -002 \))" ]; then
        echo "$one is not there, not root's, or others may write to it: nothing was placed" >&2
        exit 1
    fi
done

install -d -o root -g root -m 0755 "$to"
for name in source.toml policy.signed; do
    # Written beside and renamed: a daemon never reads half of one.
    install -o root -g root -m 0644 "$from/$name" "$to/.$name.new"
    mv -f "$to/.$name.new" "$to/$name"
done
