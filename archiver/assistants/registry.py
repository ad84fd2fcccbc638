"""Every assistant that archiver reads. A new one is a new file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archiver.assistants.aider import Aider
from archiver.assistants.claude_code import ClaudeCode
from archiver.assistants.cline import Cline
from archiver.assistants.cline4 import Cline4
from archiver.assistants.continue_dev import ContinueDev
from archiver.errors import PolicyInvalid

if TYPE_CHECKING:
    from archiver.assistants.protocol import Assistant

__all__ = ["ASSISTANTS", "by_name"]

ASSISTANTS: Final[tuple[Assistant, ...]] = (
    ClaudeCode(),
    Cline(),
    Cline4(),
    ContinueDev("continue", "Continue", ".continue", "CONTINUE_GLOBAL_DIR"),
    ContinueDev("devscode", "Devscode", ".devscode", "DEVSCODE_GLOBAL_DIR"),
    Aider.aider(),
    Aider.cecli(),
)


def by_name(name: str) -> Assistant:
    """Give the assistant that policies and records call ``name``, or raise `PolicyInvalid`."""
    for assistant in ASSISTANTS:
        if assistant.name == name:
            return assistant
    known = ", ".join(assistant.name for assistant in ASSISTANTS)
    raise PolicyInvalid(f"no assistant is called {name!a}", advice=f"Known are: {known}.")
