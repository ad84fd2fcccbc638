"""Where this machine's policy comes from, and why it is believed: signed, newest, fetched, kept."""
