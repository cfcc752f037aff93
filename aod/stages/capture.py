"""capture: from a declared anomaly to a sealed bundle, on an async event loop, a few at a time.

A capture that fails is tried again later and never ends the stage. Everything that blocks runs in a
child process or in a thread, so the loop can always answer. The threads are not niced like the
children: on a busy host a niced one would keep the interpreter's lock, and the loop, waiting.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import zmq

from aod import bundle, histograms, history, names, spool
from aod.actions import process
from aod.actions.children import Children
from aod.actions.resolve import Scope
from aod.actions.source import Limits
from aod.anomaly import Anomaly, Rule
from aod.backlog import Backlog
from aod.bundle import Policy, Sources
from aod.config import Config, effective_actions
from aod.detectors.api import kind_of, nanoseconds
from aod.detectors.describe import broken_down
from aod.files import FOLDER_MODE
from aod.history import Recorded
from aod.incidents import Incidents
from aod.recorders.recorders import Recorders, packets_folder, trace_folder
from aod.stages.base import StageContext
from aod.wire import OwnPids, Sealed
from aod.workfolder import BusyError, remove_leftovers

TICK_SEC: Final = 0.5
"""A doorbell that was lost, or a signal, delays by this at most."""
HURRY_SHARE: Final = 0.4
GIVE_UP_SHARE: Final = 0.8
"""Of `drain_timeout_sec`: when sources are cut short, and when bundles are left for the next start,
so that the stage has ended by itself before the supervisor ends it."""


def policy(
    config: Config,
    hurry: asyncio.Future[None] | None = None,
    children: Children | None = None,
) -> Policy:
    """How bundles are made with a configuration."""
    max_bytes = int(config.capture.max_file_mb * (1 << 20))
    limits = Limits(config.capture.action_timeout_sec, max_bytes, hurry, children)
    return Policy(
        config.aod_output_dir,
        frozenset(config.watcher.actions),
        limits,
        config.capture.compression_level,
        nanoseconds(config.capture.post_sec * 1e3),
        _scope(config),
        int(config.capture.max_bundle_mb * (1 << 20)),
    )


def _scope(config: Config) -> Scope:
    kept = config.capture
    return Scope(
        lookback_ns=nanoseconds(kept.lookback_sec * 1e3),
        history_ns=nanoseconds(kept.history_sec * 1e3),
        post_ns=nanoseconds(kept.post_sec * 1e3),
        packets=str(packets_folder(config)),
        trace=trace_folder(config),
        headers_only=kept.tcpdump.headers_only,
    )


def _recall(config: Config) -> Callable[[Anomaly, Recorded | None], Recorded]:
    before_ns = nanoseconds(config.capture.history_sec * 1e3)
    span = history.Span(before_ns, nanoseconds(config.capture.post_sec * 1e3))
    return partial(history.recall, config.runtime_dir, span)


def _stats(config: Config) -> Callable[[Anomaly], bytes]:
    before_ns = nanoseconds(config.capture.history_sec * 1e3)
    return partial(histograms.recall, config.runtime_dir, before_ns)


class Capture:
    """The stage's state: what is being captured, and what it has counted."""

    def __init__(self, context: StageContext) -> None:
        config = context.config
        self.context = context
        self.backlog = Backlog(config.state_dir / spool.FOLDER, context.log)
        self.running: dict[int, asyncio.Task[None]] = {}
        self.sealed = self.failed = 0
        self.incidents = Incidents()
        self._cleanup = context.outbox("cleanup")
        self._wake = asyncio.Event()
        self._hurry = asyncio.get_running_loop().create_future()
        self._collect = context.outbox("collect", newest_only=True)
        self._policy = policy(config, self._hurry, Children(self._tell_children))
        self._stop_seen: float | None = None
        self._recorders = Recorders(config, context.log)

    async def run(self) -> None:
        """Capture until told to stop, and then what is pending; never longer than the drain."""
        self._clear_leftovers()
        self._tell_children(())  # those of a predecessor are gone
        loop = asyncio.get_running_loop()
        inbox_fd = int(self.context.inbox.socket.get(zmq.FD))
        loop.add_reader(inbox_fd, self._wake.set)
        try:
            while not self._is_over():
                self._recorders.tick()
                self._start_due()
                self._beat()
                await self._pause()
                self._hear()
        finally:
            loop.remove_reader(inbox_fd)
            await self._cancel()
            self._recorders.close()

    def _clear_leftovers(self) -> None:
        with suppress(OSError):  # no output folder: said when a capture fails for it
            for timestamp in remove_leftovers(self.context.config.aod_output_dir):
                self.context.log.info("removed the unfinished bundle %d", timestamp)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SEC):
                await self._wake.wait()
        self._wake.clear()

    def _hear(self) -> None:
        """Empty the inbox: its descriptor tells of a first message only."""
        for message in self.context.messages():
            if isinstance(message, Anomaly):
                self.incidents.add(message)
                if not self._is_known(message.timestamp):
                    self.backlog.offer(message)

    def _is_known(self, timestamp: int) -> bool:
        sealed = self.context.config.aod_output_dir / names.archive(timestamp)
        return timestamp in self.running or sealed.exists()

    def _start_due(self) -> None:
        free = self.context.config.capture.max_concurrent_captures - len(self.running)
        if free <= 0:
            return
        for anomaly in self.backlog.due(time.monotonic(), self.running):
            self._start(anomaly)
            free -= 1
            if not free:
                return

    def _start(self, anomaly: Anomaly) -> None:
        self.incidents.add(anomaly)
        task = asyncio.create_task(self._capture(anomaly))
        self.running[anomaly.timestamp] = task
        task.add_done_callback(partial(self._ended, anomaly.timestamp))

    def _ended(self, timestamp: int, _: asyncio.Task[None]) -> None:
        del self.running[timestamp]
        self._wake.set()

    async def _capture(self, anomaly: Anomaly) -> None:
        config, began = self.context.config, time.monotonic()
        try:
            config.aod_output_dir.mkdir(FOLDER_MODE, exist_ok=True)
            asked = Sources(_recall(config), self.incidents.of, _stats(config))
            sealed = await bundle.make(anomaly, self._policy, asked)
            self.backlog.done(anomaly.timestamp)
        except Exception as error:
            # A disk, a folder, or a fault of ours: one anomaly's trouble must not be another's.
            self.failed += 1
            if not isinstance(error, (OSError, BusyError)):
                self.context.log.exception("bundle %d", anomaly.timestamp)
            self.backlog.failed(anomaly.timestamp, time.monotonic(), error)
            return
        if sealed is not None:
            self._tell(sealed, time.monotonic() - began)

    def _tell(self, sealed: Sealed, took_sec: float) -> None:
        self.sealed += 1
        self._cleanup.send(sealed)
        name, kib = Path(sealed.path).name, sealed.size_bytes >> 10
        self.context.log.info("sealed %s: %d KiB in %.2f s", name, kib, took_sec)

    def _tell_children(self, pids: tuple[int, ...]) -> None:
        self._collect.send(OwnPids(pids))

    def _beat(self) -> None:
        self.context.beat(
            "stopping" if self.context.stopping else "ready",
            note="",
            sealed=self.sealed,
            failed=self.failed,
            running=len(self.running),
            set_aside=self.backlog.set_aside,
            hanging=len(process.hanging()),
            unsent=self._cleanup.unsent,
            **self._recorders.counters(),
        )

    def _is_over(self) -> bool:
        """Told to stop, and done with what can be done, or out of time."""
        if not self.context.stopping:
            return False
        now, drain_sec = time.monotonic(), self.context.config.supervision.drain_timeout_sec
        if self._stop_seen is None:
            self._stop_seen = now
        waited = now - self._stop_seen
        if waited > HURRY_SHARE * drain_sec and not self._hurry.done():
            self._hurry.set_result(None)
        if waited > GIVE_UP_SHARE * drain_sec:
            self.context.log.warning("%d bundles are left for the next start", len(self.backlog))
            return True
        return not self.running and next(self.backlog.due(now, ()), None) is None

    async def _cancel(self) -> None:
        tasks = list(self.running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(context: StageContext) -> int:
    """Capture until told to stop."""

    async def stage() -> None:
        await Capture(context).run()

    asyncio.run(stage())
    return 0


def capture_now(config: Config, name: str) -> Path:
    """Make a bundle as if the anomaly `name` had been declared now; its path.

    Raises:
        KeyError: the configuration has no such anomaly.
        OSError: the bundle cannot be written.
    """
    anomaly = _manual(config, name)
    config.aod_output_dir.mkdir(FOLDER_MODE, exist_ok=True)
    asked = Sources(_recall(config), Incidents().of, _stats(config))
    asyncio.run(bundle.make(anomaly, policy(config), asked))
    return config.aod_output_dir / names.archive(anomaly.timestamp)


def _manual(config: Config, name: str) -> Anomaly:
    configured = config.guardian.anomalies[name]
    return Anomaly(
        anomaly=kind_of(type(configured)),
        timestamp=time.time_ns(),
        name=name,
        rule=Rule.MANUAL,
        trigger_ns=time.monotonic_ns(),
        window_ns=int(config.watch_interval_sec * 1e9),
        count=0,
        acceptable_count=configured.acceptable_count,
        suppressed=0,
        reason="nothing was declared: a person asked for this bundle",
        actions=effective_actions(config, configured),
        worst=(),
        breakdown=broken_down(()),
    )
