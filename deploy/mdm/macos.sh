#!/bin/sh
# Places the admin's files on a Mac; run as root by the device management (Jamf and others).
# Parameters, from the fourth on as Jamf gives them: the folder that holds source.toml and
# policy.signed (a package put them there).
set -eu

from="${4:-/Library/Management/archiver-policy}"
to="/Library/Application Support/archiver"

# Who could write there would say whom this machine trusts: it must belong to who runs this.
for one in "$from" "$from/source.toml" "$from/policy.signed"; do
    if [ -h "$one" ] || [ ! -O "$one" ] ||
        [ -n "$(find "$one" -prune \( -perm -020 -o -perm -002 \))" ]; then
        echo "$one is not there, not root's, or others may write to it: nothing was placed" >&2
        exit 1
    fi
done

install -d -o root -g wheel -m 0755 "$to"
for name in source.toml policy.signed; do
    # Written beside and renamed: a daemon never reads half of one.
    install -o root -g wheel -m 0644 "$from/$name" "$to/.$name.new"
    mv -f "$to/.$name.new" "$to/$name"
done
