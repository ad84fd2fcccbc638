"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says nothing on a machine that has other work as well; what hangs is
# ended by pytest-timeout.
settings.register_profile("archiver", deadline=None)
settings.load_profile("archiver")
