"""Putting the right unit in place: systemd, launchd, Windows tasks."""
