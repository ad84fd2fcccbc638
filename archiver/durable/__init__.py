"""The one door to the disk: everything that syncs, renames, unlinks or locks."""
