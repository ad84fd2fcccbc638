"""What is due expires: looked at, ordered, and then removed; nothing but chunks, ever.

In this order: what earlier orders left undone is done (`archiver.retention.remove`); everything
is judged (`archiver.retention.plan`); each chunk that is due is looked at in the store
(`archiver.retention.examine`); the orders are signed and stored (`order`); the chunks are
removed, all versions. A crash anywhere leaves either nothing or an order, and the next run does
what that says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.errors import NotOrdered
from archiver.evidence.orders import Expiry
from archiver.witness.orders import give

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from archiver.evidence.orders import Order
    from archiver.retention.examine import Examined
    from archiver.retention.plan import Plan
    from archiver.witness.orders import Orders
    from archiver.witness.register import Desk

__all__ = ["order"]


async def order(
    desk: Desk, this: Plan, done: Examined, *, policy: str | None, by: str, now: datetime
) -> list[Order]:
    """Sign and store an order for each batch; ``policy`` is the document's sha256 (hex).

    Raise `NotOrdered` where somebody gave an order since the plan: it may be a hold. What was
    signed before that stands, and the next run does it.
    """
    given: list[Order] = []
    after = this.after
    for batch in done.batches:
        deed = Expiry(
            klass=batch.klass,
            days=batch.days,
            policy=policy,
            chunks=batch.chunks.named,
            count=batch.count,
            stored_bytes=batch.stored_bytes,
        )
        one, _ = await give(desk, deed, by=by, now=now, check=_nothing_since(after))
        files.reached("retention.ordered")
        given.append(one)
        after = one.seq
    return given


def _nothing_since(after: int) -> Callable[[Orders], None]:
    """Give what refuses to sign on top of any other order than this number."""

    def check(known: Orders) -> None:
        if (known.newest.seq if known.newest else 0) != after:
            raise NotOrdered(
                "somebody gave an order since this was planned",
                advice="Give the same command again: it may be a hold.",
            )

    return check
