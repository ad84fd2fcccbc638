"""Which chunks a legal hold covers: decided below, because verification asks it too."""

from archiver.archive.holds import holding, matches, may_cover

__all__ = ["holding", "matches", "may_cover"]
