"""When things happen: the scheduler, one pass, the status file."""
