"""One pass over the conversations of this machine: look, compare, spool.

Order of things, and why: a file is looked at (``stat``) at every pass and read only when its
look changed; who owns a conversation is settled before its first byte is read for capture;
records and the capture state that they lead to are committed together. A pass can end after
any transaction and the next goes on from there. Others may read files of a large backlog
beside the collector (`readers`); what they found counts from its commit on.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import msgspec

from archiver.capture.absence import Absences
from archiver.capture.door import glance
from archiver.capture.intake import Intake, Stopped
from archiver.capture.looks import Looks
from archiver.capture.observation import Observation, Unsettled, no_marks, origin_of
from archiver.capture.passes import Pass, word
from archiver.capture.read import read
from archiver.errors import DiskFull, StateError
from archiver.format.times import rfc3339
from archiver.spool import streams
from archiver.spool.values import StreamState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from archiver.assistants.protocol import Assistant, Conversation, Source
    from archiver.capture.find import Finder
    from archiver.capture.owner import Owner
    from archiver.capture.readers import Answer, Readers
    from archiver.capture.step import Step
    from archiver.spool.spool import Spool
    from archiver.spool.values import Glance, Mark

__all__ = ["Collector", "Pass"]

Place = tuple[str, str, str, str]


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
        readers: Readers,
    ) -> None:
        self._spool = spool
        self._finder = finder
        self._clock = clock
        self._quiet_ns = int(quiet_seconds * 1e9)
        self._room = room
        self._enabled = enabled
        self._readers = readers
        self._looks = Looks()
        self._absences = Absences(spool)

    def collect(self, stop: Callable[[], bool] = lambda: False) -> Pass:
        """Make one pass; ``stop`` is asked between files, and within a large one."""
        done = Pass()
        self._absences.begin()
        self._looks.begin()

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
            self._looks.forget()  # what was taken and not committed is not captured
            done.full, done.finished = str(error), False
        except BaseException:
            self._looks.forget()
            raise
        finally:
            self._readers.close()
        done.records, done.raw_bytes = intake.records, intake.raw_bytes
        if done.finished:
            self._looks.settle()
            done.deleted = self._absences.settle(self._clock(), self._enabled)
        return done

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
                done.refuse(conversation.sources[0], type(error).__name__)
            self._take(self._readers.ready(), intake, done, stop)
        self._take(self._readers.rest(), intake, done, stop)

    def _take(
        self,
        answers: Iterable[Answer],
        intake: Intake,
        done: Pass,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take in what was read elsewhere, and read what comes back unread."""
        for look, reading in answers:
            if stop() or done.full:
                done.finished = False
                return
            try:
                self._read(look, reading.replay() if reading else read(look), intake, done)
            except (Stopped, StateError):
                raise
            except Exception as error:  # noqa: BLE001 - one conversation never stops the others
                done.refuse(look.source, type(error).__name__)

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
                done.refuse(source, word(error))
                self._absences.saw(source.path)
                continue
            if look is None:
                continue
            self._absences.saw(source.path)
            if owner is None:
                owner = self._finder.owner(assistant, conversation, look, self._clock())
                if owner.tenant is None:
                    done.unclaimed += 1
                    done.undecided += not owner.decided
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
        place = (owner.tenant.id, assistant.name, conversation.id, source.stream)
        if self._looks.same(place, look):
            return
        if self._readers.holds(place):  # the same stream, met twice
            self._take(self._readers.rest(), intake, done)
            if done.full:
                return
        intake.settle(place)
        state = self._state(place, source)
        if state.glance == look and not state.absent:
            self._looks.captured(place, look)
            if state.missing:
                with self._spool.transaction() as db:
                    streams.save(db, msgspec.structs.replace(state, missing=0))
            return
        if reason := self._room():
            done.full = reason
            return
        observation = self._observation(assistant, source, state, look, owner)
        if self._readers.takes(observation):
            self._readers.give(observation)
        else:
            self._read(observation, read(observation), intake, done)

    def _read(self, look: Observation, steps: Iterable[Step], intake: Intake, done: Pass) -> None:
        """Take in the steps of one look, and note how it ended."""
        source, state = look.source, look.state
        try:
            after = intake.take(steps)
        except Unsettled:
            done.unsettled += 1
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                done.refuse(source, word(error))
        else:
            if after.glance is None:
                done.unsettled += 1
            else:
                place = (state.tenant, state.assistant, state.conversation, state.stream)
                done.captured[state.assistant] = look.observed_at
                self._looks.captured(place, after.glance)
                self._looks.believed(source.path)
                self._absences.knows(source.path)

    def _state(self, place: Place, source: Source) -> StreamState:
        with self._spool.transaction() as db:
            found = streams.find(db, *place)
        path = os.fsencode(source.path)
        if found is None:
            return StreamState(*place, path, str(source.shape))
        return msgspec.structs.replace(found, path=path)

    def _observation(
        self, assistant: Assistant, source: Source, state: StreamState, look: Glance, owner: Owner
    ) -> Observation:
        now = self._clock()

        def marks() -> list[Mark]:
            with self._spool.transaction() as db:
                return list(streams.marks(db, state.id))

        origin = origin_of(state, owner, device=self._spool.device, shape=str(source.shape))
        return Observation(
            source=source,
            origin=origin,
            state=msgspec.structs.replace(state, origin=origin.pack()),
            glance=look,
            patience=self._looks.patience(source.path, look),
            observed_at=rfc3339(now),
            now_ns=int(now.timestamp() * 1e9),
            quiet_ns=self._quiet_ns,
            describe=assistant.describe,
            marks=marks if state.id else no_marks,
        )
