"""From files to records: what is new, what changed, what vanished."""
