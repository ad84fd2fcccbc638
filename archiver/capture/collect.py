"""One pass over the conversations of this machine: look, compare, spool.

Order of things, and why: a file is looked at (``stat``) at every pass and read only when its
look changed; who owns a conversation is settled before its first byte is read for capture;
records and the capture state that they lead to are committed together. A pass can end after
any transaction and the next goes on from there.
"""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.assistants.protocol import Shape
from archiver.capture import bytestream, document, settle
from archiver.capture.absence import Absences
from archiver.capture.bytestream import Observation, Unsettled
from archiver.capture.door import glance, open_plain
from archiver.capture.intake import Intake, Stopped
from archiver.capture.settle import Patience
from archiver.errors import DiskFull, StateError
from archiver.format.lines import Origin
from archiver.format.times import rfc3339
from archiver.spool import streams
from archiver.spool.values import StreamState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.assistants.protocol import Assistant, Conversation, Source
    from archiver.capture.find import Finder
    from archiver.capture.owner import Owner
    from archiver.spool.spool import Spool
    from archiver.spool.values import Glance, Mark

__all__ = ["Collector", "Pass"]

_MAX_REFUSALS: Final = 200


class Pass(msgspec.Struct):
    """What one pass did.

    ``refused`` maps paths to the operating system's word for it, or to the kind of error that
    a conversation met; ``captured`` maps assistants to the time of their last capture;
    ``full`` says why capture stopped, where it did.
    """

    records: int = 0
    raw_bytes: int = 0
    looked: int = 0
    unsettled: int = 0
    deleted: int = 0
    conversations: int = 0
    unclaimed: int = 0
    refused: dict[str, str] = {}
    captured: dict[str, str] = {}
    full: str | None = None
    finished: bool = True


class Collector:
    """Collects for one policy.

    Keeps in memory only what saves work: the last look at each file. Forgetting it costs a
    comparison, never a record.
    """

    def __init__(
        self,
        spool: Spool,
        finder: Finder,
        *,
        clock: Callable[[], datetime],
        quiet_seconds: float,
        room: Callable[[], str | None],
        enabled: Callable[[str], bool],
    ) -> None:
        self._spool = spool
        self._finder = finder
        self._clock = clock
        self._quiet_ns = int(quiet_seconds * 1e9)
        self._room = room
        self._enabled = enabled
        self._glances: dict[tuple[str, str, str, str], Glance] = {}
        self._present: set[tuple[str, str, str, str]] = set()
        self._waits: dict[str, tuple[Glance, int, int]] = {}
        self._absences = Absences(spool)

    def collect(self, stop: Callable[[], bool] = lambda: False) -> Pass:
        """Make one pass; ``stop`` is asked between files, and within a large one."""
        done = Pass()
        self._absences.begin()
        self._present.clear()

        def halt() -> bool:
            done.full = done.full or self._room()
            return done.full is not None or stop()

        intake = Intake(self._spool, self._clock, halt)
        try:
            self._all(intake, done, stop)
            intake.commit()
        except Stopped:
            done.finished = False
        except DiskFull as error:
            self._glances.clear()  # what was taken and not committed is not captured
            done.full, done.finished = str(error), False
        except BaseException:
            self._glances.clear()
            raise
        done.records, done.raw_bytes = intake.records, intake.raw_bytes
        if done.finished:
            self._forget_what_is_not_there()
            done.deleted = self._absences.settle(self._clock(), self._enabled)
        return done

    def _forget_what_is_not_there(self) -> None:
        """Forget the looks of files that this pass did not meet.

        A file that comes back may look as before, and its state says otherwise by then.
        """
        if len(self._present) < len(self._glances):
            self._glances = {
                key: look for key, look in self._glances.items() if key in self._present
            }

    def _all(self, intake: Intake, done: Pass, stop: Callable[[], bool]) -> None:
        for assistant, conversation in self._finder.conversations():
            if stop() or done.full:
                done.finished = False
                return
            try:
                self._conversation(assistant, conversation, intake, done)
            except (Stopped, StateError):
                raise
            except Exception as error:  # noqa: BLE001 - one conversation never stops the others
                _refuse(done, conversation.sources[0], type(error).__name__)

    def _conversation(
        self, assistant: Assistant, conversation: Conversation, intake: Intake, done: Pass
    ) -> None:
        done.conversations += 1
        owner: Owner | None = None
        for source in conversation.sources:
            done.looked += 1
            try:
                look = glance(source.path)
            except OSError as error:
                _refuse(done, source, _word(error))
                self._absences.saw(source.path)
                continue
            if look is None:
                continue
            self._absences.saw(source.path)
            if owner is None:
                owner = self._finder.owner(assistant, conversation, look, self._clock())
                if owner.tenant is None:
                    done.unclaimed += 1
                    for other in conversation.sources:
                        self._absences.saw(other.path)
                    return
            self._source(assistant, conversation, source, look, owner, intake, done)
            if done.full:
                return

    def _source(
        self,
        assistant: Assistant,
        conversation: Conversation,
        source: Source,
        look: Glance,
        owner: Owner,
        intake: Intake,
        done: Pass,
    ) -> None:
        assert owner.tenant is not None  # noqa: S101 - the caller has looked
        key = (owner.tenant.id, assistant.name, conversation.id, source.stream)
        self._present.add(key)
        if self._glances.get(key) == look:
            return
        state = self._state(owner, conversation, source, intake)
        if state.glance == look and not state.absent:
            self._glances[key] = look
            if state.missing:
                with self._spool.transaction() as db:
                    streams.save(db, msgspec.structs.replace(state, missing=0))
            return
        if reason := self._room():
            done.full = reason
            return
        patience = self._patience(source.path, look)
        observation = self._observation(assistant, source, state, look, owner, patience)
        try:
            after = self._observe(observation, intake)
        except Unsettled:
            done.unsettled += 1
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                _refuse(done, source, _word(error))
        else:
            if after.glance is None:
                done.unsettled += 1
            else:
                done.captured[assistant.name] = observation.observed_at
                self._glances[key] = after.glance
                self._waits.pop(str(source.path), None)
                self._absences.knows(source.path)

    def _state(
        self, owner: Owner, conversation: Conversation, source: Source, intake: Intake
    ) -> StreamState:
        assert owner.tenant is not None  # noqa: S101 - the caller has looked
        place = (owner.tenant.id, conversation.assistant, conversation.id, source.stream)
        intake.settle(place)
        with self._spool.transaction() as db:
            found = streams.find(db, *place)
        path = os.fsencode(source.path)
        return (
            msgspec.structs.replace(found, path=path)
            if found
            else StreamState(*place, path, str(source.shape))
        )

    def _patience(self, path: Path, look: Glance) -> Patience:
        """Count how often a file that is not believed yet was seen like this."""
        now = time.monotonic_ns()
        before, looks, since = self._waits.get(str(path), (None, 0, now))
        looks = looks + 1 if before == look else 1
        self._waits[str(path)] = (look, looks, since)
        return Patience(looks, now - since)

    def _observation(
        self,
        assistant: Assistant,
        source: Source,
        state: StreamState,
        look: Glance,
        owner: Owner,
        patience: Patience,
    ) -> Observation:
        now = self._clock()

        def marks() -> list[Mark]:
            with self._spool.transaction() as db:
                return list(streams.marks(db, state.id))

        origin = self._origin(state, owner, str(source.shape))

        return Observation(
            source=source,
            origin=origin,
            state=msgspec.structs.replace(state, origin=origin.pack()),
            glance=look,
            patience=patience,
            observed_at=rfc3339(now),
            now_ns=int(now.timestamp() * 1e9),
            quiet_ns=self._quiet_ns,
            describe=assistant.describe,
            marks=marks,
        )

    def _origin(self, state: StreamState, owner: Owner, shape: str) -> Origin:
        assert owner.tenant is not None  # noqa: S101 - the caller has looked
        return Origin(
            tenant=state.tenant,
            klass=owner.tenant.retention.klass,
            user=owner.user,
            subject=owner.subject,
            device=self._spool.device,
            assistant=state.assistant,
            conversation=state.conversation,
            stream=state.stream,
            shape=shape,
            cwd=owner.cwd,
            git_remote=owner.git_remote,
        )

    def _observe(self, look: Observation, intake: Intake) -> StreamState:
        with open_plain(look.source.path) as file:
            if look.source.shape is not Shape.DOCUMENT:
                return intake.take(bytestream.observe(file, look))
            try:
                return intake.take(document.observe(file, look))
            except document.NotADocument:
                if not settle.rubbish_settled(
                    look.glance, look.patience, now_ns=look.now_ns, quiet_ns=look.quiet_ns
                ):
                    raise Unsettled from None
                return intake.take(bytestream.observe(file, _as_text(look)))


def _as_text(look: Observation) -> Observation:
    """Look at a document that is none: what it holds is archived as it is."""
    return msgspec.structs.replace(
        look,
        source=msgspec.structs.replace(look.source, shape=Shape.TEXT, boundary=None),
        origin=msgspec.structs.replace(look.origin, shape=str(Shape.TEXT)),
    )


def _word(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "EIO")


def _refuse(done: Pass, source: Source, word: str) -> None:
    if len(done.refused) < _MAX_REFUSALS:
        done.refused[ascii(str(source.path))[1:-1]] = word
