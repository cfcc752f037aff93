"""What goes into a bundle's folder: everything at once, and what is volatile first.

The sources start when the folder is there; the history is recalled and written beside them. What
follows the trigger is waited for, and then the files that tell of all the others are written.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aod.actions import runner
from aod.actions.output import Budget
from aod.actions.resolve import Scope, Situation
from aod.actions.result import Mount, Source, Status
from aod.actions.source import Limits
from aod.actions.table import Phase, chosen, not_collected
from aod.anomaly import Anomaly, Cause, Relation
from aod.bundles import contents, history, manifest, redaction, summary
from aod.bundles.history import Recorded
from aod.bundles.manifest import Manifest
from aod.bundles.progress import Progress
from aod.bundles.redaction import Redaction
from aod.conservation.violation import Violation
from aod.event import Events
from aod.files import appearing, create

NOT_COLLECTED: Final = "not collected: capture was interrupted"
TAKEN_AGAIN: Final = "taken after an interruption"
HEAD_START_SEC: Final = 0.1
"""Of the volatile sources before the history: to read a full event log takes a processor for about
as long, which they would have to share; and the log holds a second even in a storm."""


class Policy(Struct, frozen=True):
    """How bundles are made here."""

    output_dir: Path
    allowed_actions: frozenset[str]
    limits: Limits
    compression_level: int
    post_ns: int = 0
    """A bundle is sealed no earlier than this after its trigger."""
    scope: Scope = Scope()
    max_bundle_bytes: int = 1 << 62
    """Of what the actions write for one bundle."""
    room: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """In which a bundle gets its name (`aod.capture.room`)."""
    redaction: Redaction | None = None


class Sources(Struct, frozen=True):
    """Who is asked about an anomaly."""

    recall: Callable[[Anomaly, Recorded | None], Recorded]
    """What the event log has; with what it had before, that and what is new."""
    related: Callable[[Anomaly], tuple[Relation, ...]]
    """The other anomalies of its incident, as far as they are known."""
    stats: Callable[[Anomaly], bytes] = lambda _: b"{}\n"
    """The text of stats.json."""
    losses: Callable[[], dict[str, int]] = dict
    """What else was lost so far, by reason."""
    violations: Callable[[], tuple[Violation, ...]] = tuple
    """Sums of the daemon's own that do not hold."""
    begun: Callable[[], object] = lambda: None
    """Told that the bundle is not there, and is begun."""
    note: Callable[[], str] = str
    """Why the bundle is ended before its time, if it is."""


class Filled(Struct, frozen=True):
    """What is in the folder."""

    folder: Path
    """What is to be sealed: the folder, or one in it."""
    sources: tuple[Source, ...]
    first_evidence_ns: int | None
    """From the trigger to the first volatile evidence on disk; None: there was none."""


class Work(Struct, frozen=True):
    """A bundle's folder, and how much of it is done."""

    folder: Path
    progress: Progress
    only_seal: bool = False
    """Nothing is collected: the incident is over, and what there is has to do."""


class Filling:
    """One bundle on its way."""

    def __init__(self, work: Work, anomaly: Anomaly, policy: Policy, sources: Sources) -> None:
        self._folder = work.folder
        self._progress = work.progress
        self._only_seal = work.only_seal
        self._anomaly = anomaly
        self._policy = policy
        self._ask = sources
        self._actions, self._refused = chosen(anomaly.actions, policy.allowed_actions)
        self._volatile = {one.name for one in self._actions if one.phase is Phase.VOLATILE}
        self._first_evidence_ns: int | None = None
        self._has_evidence = asyncio.Event()

    async def fill(self) -> Filled:
        """Fill the folder.

        Raises:
            OSError: it cannot be written.
        """
        rest = asyncio.ensure_future(self._wait_for_the_rest())
        try:
            async with asyncio.TaskGroup() as group:
                collecting = group.create_task(self._collect(rest))
                recalling = group.create_task(self._recall(rest))
        except ExceptionGroup as errors:  # the first of them made the others stop
            raise errors.exceptions[0] from errors
        finally:
            rest.cancel()
        sources, mounts = collecting.result()
        folder = self._folder
        told, anomaly = self._described(sources, mounts, *recalling.result())
        if how := self._policy.redaction:
            folder, told, anomaly = await redaction.apply(folder, told, anomaly, how)
        await asyncio.to_thread(explain, folder, told, anomaly)
        return Filled(folder, sources, self._first_evidence_ns)

    async def _wait_for_the_rest(self) -> None:
        """Wait for what comes after the trigger, unless capture is in a hurry."""
        post_ns = 0 if self._anomaly.rule is Cause.MANUAL else self._policy.post_ns
        left_ns = self._anomaly.trigger_ns + post_ns - time.monotonic_ns()
        if 0 < left_ns <= post_ns:  # else it is over, or of another boot
            hurry = self._policy.limits.hurry or asyncio.get_running_loop().create_future()
            await asyncio.wait([hurry], timeout=left_ns / 1e9)

    async def _collect(
        self, rest: asyncio.Future[None]
    ) -> tuple[tuple[Source, ...], tuple[Mount, ...]]:
        kept = self._progress.kept
        if self._only_seal:
            missing = {one.name: (not_collected(one.name, NOT_COLLECTED),) for one in self._actions}
            return self._in_order(missing | kept), ()
        collected = await runner.collect(
            self._actions,
            self._folder,
            Situation(self._anomaly.timestamp, self._policy.scope),
            self._limits(),
            late=rest,
            on_done=self._note,
            skip=kept,
        )
        self._has_evidence.set()
        found: dict[str, tuple[Source, ...]] = {}
        for source in collected.sources:
            found[source.name] = (*found.get(source.name, ()), self._marked(source))
        return self._in_order(found | kept), collected.mounts

    def _limits(self) -> Limits:
        budget = self._policy.limits.budget or Budget(self._policy.max_bundle_bytes)
        budget.take(sum(sources[0].bytes for sources in self._progress.kept.values()))
        return msgspec.structs.replace(self._policy.limits, budget=budget)

    def _note(self, sources: Sequence[Source]) -> None:
        """An action is done."""
        self._progress.note([self._marked(source) for source in sources])
        ok = any(one.status is Status.OK and one.name in self._volatile for one in sources)
        if ok and not self._has_evidence.is_set() and not self._progress.interrupted:
            self._first_evidence_ns = time.time_ns() - self._anomaly.timestamp
        if ok:
            self._has_evidence.set()

    def _marked(self, source: Source) -> Source:
        if not self._progress.interrupted:
            return source
        note = f"{source.note}; {TAKEN_AGAIN}" if source.note else TAKEN_AGAIN
        return msgspec.structs.replace(source, note=note)

    def _in_order(self, found: dict[str, tuple[Source, ...]]) -> tuple[Source, ...]:
        mine = (found.get(action.name, ()) for action in self._actions)
        return (*(source for sources in mine for source in sources), *self._refused)

    async def _recall(self, rest: asyncio.Future[None]) -> tuple[manifest.Events, Recorded]:
        saved = history.saved(self._folder) if self._progress.interrupted else None
        if self._volatile and not self._only_seal:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEAD_START_SEC):
                    await self._has_evidence.wait()
        recorded = await asyncio.to_thread(self._ask.recall, self._anomaly, None)
        events = await asyncio.to_thread(self._save, recorded, saved)
        await asyncio.to_thread(self._save_stats)
        if self._policy.post_ns and self._anomaly.rule is not Cause.MANUAL:
            await asyncio.wait([rest])
            recorded = await asyncio.to_thread(self._ask.recall, self._anomaly, recorded)
            events = await asyncio.to_thread(self._save, recorded, saved)
        return events, recorded

    def _save(self, recorded: Recorded, saved: Events | None) -> manifest.Events:
        events, note = history.merged(recorded.events, self._anomaly.evidence), recorded.note
        if saved is not None and len(saved) > len(events):
            events, note = saved, "from before an interruption"
        return history.save(self._folder, events, self._anomaly.trigger_ns, note)

    def _save_stats(self) -> None:
        """Once: a predecessor's are nearer to the trigger."""
        path = self._folder / contents.STATS
        if not path.exists():
            with appearing(path, path.with_name(f".{path.name}.new"), durable=False) as file:
                file.write(self._ask.stats(self._anomaly))

    def _described(
        self,
        sources: tuple[Source, ...],
        mounts: tuple[Mount, ...],
        events: manifest.Events,
        recorded: Recorded,
    ) -> tuple[Manifest, Anomaly]:
        anomaly = msgspec.structs.replace(self._anomaly, related=self._ask.related(self._anomaly))
        losses = recorded.losses | self._ask.losses()
        described = manifest.describe(anomaly, events, mounts, sources, losses)
        noted = msgspec.structs.replace(
            described,
            conservation=self._ask.violations(),
            interrupted=self._progress.interrupted,
            note=self._ask.note(),
        )
        return noted, anomaly


def explain(folder: Path, described: Manifest, anomaly: Anomaly) -> None:
    """Write the files that tell of all the others, for a person and for programs.

    Raises:
        OSError: they cannot be written.
    """
    listed = contents.files(folder, described.sources)
    text = summary.text(msgspec.structs.replace(described, files=listed), anomaly)
    _write(folder / summary.FILE, text.encode())
    listed = contents.files(folder, described.sources, listed)
    described = msgspec.structs.replace(described, files=listed)
    _write(folder / manifest.FILE, manifest.encode(described))


def _write(path: Path, content: bytes) -> None:
    with create(path) as file:
        file.write(content)
