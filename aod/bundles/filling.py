"""What goes into a bundle's folder: everything at once, and what is volatile first.

The history is written while the sources run. At last, when what follows the trigger is over, come
the files that describe all others."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aod.actions import runner
from aod.actions.action import Phase
from aod.actions.job import Job
from aod.actions.resolve import Situation
from aod.actions.result import Source, Status, not_run
from aod.actions.runner import Collected
from aod.actions.table import chosen
from aod.anomaly import Anomaly, Cause, Relation
from aod.bundles import contents, histograms, history, manifest, redaction, summary
from aod.bundles.history import Recorded
from aod.bundles.manifest import Manifest
from aod.bundles.operations import Operations
from aod.bundles.progress import Progress
from aod.config.rules import wanted
from aod.config.schema import Config, effective_actions
from aod.conservation import violation
from aod.detectors.api import nanoseconds
from aod.files import appearing, create
from aod.host import clock
from aod.host.clock import ClockWatch, Step

NOT_COLLECTED: Final = "not collected: capture was interrupted"
TAKEN_AGAIN: Final = "taken after an interruption"
HEAD_START_SEC: Final = 0.1
"""How long the history waits for volatile evidence: reading a full event log keeps a processor busy
for about as long. The log holds at least a second, even in a storm."""


class Surroundings(Struct, frozen=True, kw_only=True):
    """What the process that makes bundles knows and does, and a bundle alone does not."""

    begun: Callable[[Anomaly], object]
    """Called when the bundle is not there, and is begun."""
    related: Callable[[Anomaly], tuple[Relation, ...]]
    """The other anomalies of its incident, as far as they are known."""
    losses: Callable[[], dict[str, int]]
    """What else was lost so far, by reason."""
    room: Callable[[], AbstractAsyncContextManager[None]]
    """In which a bundle gets its name (`aod.capture.room`)."""
    redacting: asyncio.Lock
    """Held while a bundle is redacted."""
    clock: ClockWatch
    recalling: Executor | None = None
    packing: Executor | None = None
    """Whose few threads cut histories, and compress; None: those of the event loop. A thread keeps
    the memory that it once had for large pieces, and the event loop has many threads."""


class Filling:
    """One bundle on its way; `first_evidence_ns` is that of `bundle.Made`."""

    def __init__(
        self, progress: Progress, anomaly: Anomaly, config: Config, job: Job, around: Surroundings
    ) -> None:
        self._folder, self._progress = progress.folder, progress
        self._anomaly, self._config, self._job, self._around = anomaly, config, job, around
        self._actions, self._refused = chosen(anomaly.actions, allowed(config, anomaly))
        self._volatile = {one.name for one in self._actions if one.phase is Phase.VOLATILE}
        is_declared = anomaly.rule is not Cause.MANUAL
        self._post_ns = nanoseconds(config.capture.post_sec * 1e3) if is_declared else 0
        self.first_evidence_ns: int | None = None
        self._has_evidence = asyncio.Event()

    async def fill(self, *, only_seal: bool) -> tuple[Path, tuple[Source, ...]]:
        """What is to be sealed, the folder or the redacted one in it; and what was collected.

        With `only_seal` that is nothing more: the incident is over. Raises OSError: the folder
        cannot be written."""
        rest = asyncio.ensure_future(self._wait_for_the_rest())
        try:
            async with asyncio.TaskGroup() as group:
                collecting = group.create_task(self._collect(rest, only_seal=only_seal))
                recalling = group.create_task(self._recall(rest, only_seal=only_seal))
        except ExceptionGroup as errors:  # the first of them made the others stop
            raise errors.exceptions[0] from errors
        finally:
            rest.cancel()
        collected = collecting.result()
        described, anomaly = self._described(collected, *recalling.result())
        folder, limits = self._folder, self._config.capture
        if limits.redact:
            turn, headers_only = self._around.redacting, limits.tcpdump.headers_only
            folder, described, anomaly = await redaction.apply(
                folder, described, anomaly, turn, headers_only=headers_only
            )
        await asyncio.to_thread(explain, folder, described, anomaly)
        return folder, collected.sources

    async def _wait_for_the_rest(self) -> None:
        """Wait for what comes after the trigger, unless capture is in a hurry."""
        left_ns = self._anomaly.trigger_ns + self._post_ns - time.monotonic_ns()
        if 0 < left_ns <= self._post_ns:  # else it is over, or of another boot
            await asyncio.wait([self._job.hurry], timeout=left_ns / 1e9)

    async def _collect(self, rest: asyncio.Future[None], *, only_seal: bool) -> Collected:
        kept = self._progress.kept
        left = [action for action in self._actions if action.name not in kept]
        found = [source for sources in kept.values() for source in sources]
        if only_seal:
            found += (not_run(action.name, NOT_COLLECTED) for action in left)
            return Collected(self._in_order(found), ())
        self._job.budget.take(sum(sources[0].bytes for sources in kept.values()))
        collected = await runner.collect(
            left,
            Situation(
                self._folder,
                self._anomaly.timestamp,
                self._config,
                spread=clock.spread(self._steps(), self._moved_ns()),
            ),
            self._job,
            rest,
            self._note,
        )
        self._has_evidence.set()
        found += map(self._marked, collected.sources)
        return Collected(self._in_order(found), collected.mounts)

    def _note(self, sources: Sequence[Source]) -> None:
        """An action is done."""
        self._progress.note([self._marked(source) for source in sources])
        if any(one.status is Status.OK and one.name in self._volatile for one in sources):
            if not self._has_evidence.is_set() and not self._progress.interrupted:
                self.first_evidence_ns = time.time_ns() - self._anomaly.timestamp
            self._has_evidence.set()

    def _marked(self, source: Source) -> Source:
        notes = source.note, TAKEN_AGAIN if self._progress.interrupted else ""
        return msgspec.structs.replace(source, note="; ".join(filter(None, notes)))

    def _in_order(self, found: Sequence[Source]) -> tuple[Source, ...]:
        mine = (one for action in self._actions for one in found if one.name == action.name)
        return (*mine, *self._refused)

    async def _recall(
        self, rest: asyncio.Future[None], *, only_seal: bool
    ) -> tuple[manifest.Events, Recorded]:
        if self._volatile and not only_seal:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEAD_START_SEC):
                    await self._has_evidence.wait()
        evidence, is_interrupted = self._anomaly.evidence, self._progress.interrupted > 0
        operations = Operations(self._folder, evidence, interrupted=is_interrupted)
        save = partial(asyncio.get_running_loop().run_in_executor, self._around.recalling)
        events, recorded = await save(self._save, operations)
        await asyncio.to_thread(self._save_stats)
        if self._post_ns:
            await asyncio.wait([rest])
            events, recorded = await save(self._save, operations, recorded)
        return events, recorded

    def _save(
        self, operations: Operations, known: Recorded | None = None
    ) -> tuple[manifest.Events, Recorded]:
        where, limits = self._config.runtime_dir, self._config.capture
        recorded = history.recall(where, limits, self._anomaly, known)
        operations.add(recorded.pieces)
        return operations.described(self._anomaly.trigger_ns, recorded.note), recorded

    def _save_stats(self) -> None:
        """Once: a predecessor's are nearer to the trigger."""
        path = self._folder / contents.STATS
        if not path.exists():
            before_ns = nanoseconds(self._config.capture.history_sec * 1e3)
            text = histograms.recall(self._config.runtime_dir, before_ns, self._anomaly)
            with appearing(path, path.with_name(f".{path.name}.new"), durable=False) as file:
                file.write(text)

    def _described(
        self, collected: Collected, events: manifest.Events, recorded: Recorded
    ) -> tuple[Manifest, Anomaly]:
        anomaly = msgspec.structs.replace(
            self._anomaly, related=self._around.related(self._anomaly)
        )
        losses = recorded.losses | self._around.losses()
        described = manifest.describe(anomaly, events, collected.mounts, collected.sources, losses)
        noted = msgspec.structs.replace(
            described,
            conservation=violation.FILE.read(self._config.runtime_dir),
            interrupted=self._progress.interrupted,
            note="; ".join(filter(None, (self._job.note, clock.sentence(self._steps())))),
        )
        return noted, anomaly

    def _moved_ns(self) -> int:
        """How far ahead of its timestamp the trigger is on the clock of now."""
        age_ns = time.monotonic_ns() - self._anomaly.trigger_ns
        return time.time_ns() - age_ns - self._anomaly.timestamp

    def _steps(self) -> Sequence[Step]:
        """Of the clock, from the look-back on; none of another boot's."""
        age_ns = time.monotonic_ns() - self._anomaly.trigger_ns
        before_ns = nanoseconds(self._config.capture.lookback_sec * 1e3)
        return self._around.clock.steps(age_ns, before_ns) if age_ns >= 0 else ()


def allowed(config: Config, anomaly: Anomaly) -> frozenset[str]:
    """What the configuration gives an anomaly of that name, whatever its declaration wants."""
    if anomaly.rule is Cause.MANUAL:
        return wanted(config)
    configured = config.guardian.anomalies.get(anomaly.name)
    return frozenset(effective_actions(config, configured)) if configured else frozenset()


def explain(folder: Path, described: Manifest, anomaly: Anomaly) -> None:
    """Write the files that describe all others, for a person and for programs.

    Raises OSError: they cannot be written."""
    listed = contents.files(folder, described.sources)
    text = summary.text(msgspec.structs.replace(described, files=listed), anomaly)
    _write(folder / contents.SUMMARY, text.encode())
    listed = contents.files(folder, described.sources, listed)
    described = msgspec.structs.replace(described, files=listed)
    _write(folder / manifest.FILE, manifest.encode(described))


def _write(path: Path, content: bytes) -> None:
    with create(path) as file:
        file.write(content)
