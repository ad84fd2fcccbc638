"""Messages in Anthropic's shape, which several assistants store: content in typed blocks."""

from __future__ import annotations

import msgspec

from archiver.assistants import loose, times
from archiver.assistants.protocol import Facts

__all__ = ["Block", "Content", "describe_message", "tools_in", "tools_used"]


class Block(msgspec.Struct, frozen=True, gc=False):
    """One block of a message's content: its kind, and the tool's name where it calls one."""

    type: str | None = None
    name: str | None = None


Content = list[Block] | str | None
"""What stands under ``content``."""


def tools_used(content: Content) -> tuple[str, ...]:
    """Name the tools that a message calls, in its order."""
    if not isinstance(content, list):
        return ()
    return tuple([block.name for block in content if block.type == "tool_use" and block.name])


def tools_in(content: object) -> tuple[str, ...]:
    """Name the tools in content of an unknown shape."""
    names = [
        loose.text(loose.dig(block, "name"))
        for block in loose.items(content)
        if loose.dig(block, "type") == "tool_use"
    ]
    return tuple(name for name in names if name)


class _ModelInfo(msgspec.Struct, frozen=True, rename="camel"):
    id: str | None = None
    model_id: str | None = None


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    role: str | None = None
    content: Content = None
    ts: int | float | None = None
    model_info: _ModelInfo | None = None


_message = msgspec.json.Decoder(_Message)


def describe_message(entry: bytes) -> Facts:
    """Read a message that carries its own time (``ts``) and model (``modelInfo``)."""
    try:
        message = _message.decode(entry)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _describe_loosely(entry)
    model = message.model_info
    return Facts(
        role=message.role,
        model=(model.model_id or model.id) if model else None,
        tools=tools_used(message.content),
        occurred_at=times.from_epoch_ms(message.ts),
        is_json=entry.isascii() or loose.is_utf8(entry),
    )


def _describe_loosely(entry: bytes) -> Facts:
    message = loose.decode(entry)
    model = loose.dig(message, "modelInfo")
    return Facts(
        role=loose.text(loose.dig(message, "role")),
        model=loose.text(loose.dig(model, "modelId")) or loose.text(loose.dig(model, "id")),
        tools=tools_in(loose.dig(message, "content")),
        occurred_at=times.from_epoch_ms(loose.dig(message, "ts")),
        is_json=True,
    )
