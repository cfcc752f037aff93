"""capture: from a declared anomaly to a sealed bundle, on an async event loop, a few at a time.

A capture that fails is retried later and never ends the stage. Everything that blocks runs in a
child process or in a thread, so the loop can always respond. Threads are not niced like children:
on a busy host a niced one would hold the interpreter's lock, and delay the loop."""

import asyncio
import time
from contextlib import suppress
from functools import partial
from itertools import islice
from math import inf
from typing import Final

from aod.actions import process
from aod.actions.job import Children, Job
from aod.anomaly import Anomaly
from aod.audit import log as audit_log
from aod.capture.audit import CaptureAudit
from aod.capture.backlog import Backlog
from aod.capture.leftovers import take_over
from aod.capture.maker import Maker
from aod.capture.output_folder import OutputState
from aod.capture.room import Room
from aod.flight.recorders import Recorders
from aod.host import children
from aod.kernel import reader_lock
from aod.stages.base import StageContext
from aod.state import spool
from aod.state.ledger import Ledger
from aod.transport.wire import OwnPids, Suppressed

TICK_SEC: Final = 0.5
"""A lost message delays a capture by this at most; the disk is checked as often."""
HURRY_SHARE: Final = 0.4
GIVE_UP_SHARE: Final = 0.8
"""Of the time that the shutdown may take: when sources are cut short, and when bundles are left for
the next start, so that the stage has ended by itself before the supervisor ends it."""


class Capture:
    """The stage's state: the captures that run, and what became of the others."""

    def __init__(self, context: StageContext) -> None:
        config = context.config
        self.context = context
        spool_dir = config.state_dir / spool.FOLDER
        self.ledger = Ledger(config.runtime_dir, spool_dir, context.logger)
        self.backlog = Backlog(spool_dir, context.logger, self.ledger)
        self.running: dict[int, Job] = {}
        self.audit = CaptureAudit(config, context.logger, self.backlog)
        self.output = OutputState(config, context.logger)
        self._cleanup = context.outbox("cleanup")
        self._collect = context.outbox("collect", newest_only=True)
        room = Room(config, context.logger, self._cleanup.send)
        self.children = Children(lambda pids: self._collect.send(OwnPids(pids)))
        self.maker = Maker(config, self.audit, self.output, room, self.children)
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._recorders = Recorders(config, context.logger)
        self._stop_began = inf
        self._refusing = False

    def _reconfigure(self) -> None:
        """Use a new configuration, if there is one; captures that run keep theirs."""
        if (config := self.context.new_config()) is None:
            return
        self.maker.use(config)
        self._recorders.use(config)

    async def run(self) -> None:
        """Capture until shut down, and then what is pending; within the time for the shutdown."""
        await self._begin()
        loop = asyncio.get_running_loop()
        for fd in self.context.wake_fds():
            loop.add_reader(fd, self._wake.set)
        watching = asyncio.create_task(self._watch_output())
        try:
            while True:
                self._start_due()
                self._refuse()
                self._recorders.tick()
                self.maker.clock.look()
                self._heartbeat()
                if self._is_over():
                    break
                await self._pause()
                self._receive()
                self._reconfigure()
        finally:
            for fd in self.context.wake_fds():
                loop.remove_reader(fd)
            watching.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._recorders.close()
            await asyncio.to_thread(self.audit.close)
            self.ledger.close()
            await asyncio.to_thread(self.maker.close)

    async def _begin(self) -> None:
        """Take over the leftovers; with heartbeats meanwhile, as the output folder may hang."""
        task = asyncio.ensure_future(self._take_over())
        while not task.done():
            self._heartbeat()
            await asyncio.wait((task,), timeout=TICK_SEC)
        task.result()

    async def _take_over(self) -> None:
        self.children.report()  # none of ours runs yet
        if ended := await asyncio.to_thread(children.end_leftovers):
            self.context.logger.warning("ended %d sources of a capture stage that died", len(ended))
        await self.output.look()
        self.backlog.refresh()
        where, logger = self.context.config.aod_output_dir, self.context.logger
        for timestamp, why in await asyncio.to_thread(take_over, where, self.backlog, logger):
            self.audit.interrupted(timestamp, why)
        self.backlog.settle()
        if len(self.backlog):
            config = self.context.config
            await asyncio.to_thread(lambda: self.audit.remember(audit_log.read(config)))

    async def _watch_output(self) -> None:
        while True:
            await asyncio.sleep(TICK_SEC)
            await self.output.look()
            if self.output.is_short:
                for one in self.running.values():
                    one.end(self.output.why_not)
            self._wake.set()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SEC):
                await self._wake.wait()
        self._wake.clear()

    def _receive(self) -> None:
        """Empty all that ends the pause: the inbox's descriptor is readable for a first message.

        A known anomaly was found in the spool before; it may have been refused since."""
        self.context.signals.clear()
        for message in self.context.inbox.messages():
            if isinstance(message, Anomaly):
                self.maker.incidents.add(message)
                if not self.audit.knows(message.timestamp) and self.backlog.offer(message):
                    self.audit.declared(message)
            elif isinstance(message, Suppressed):
                self.audit.suppressed(message)

    def _start_due(self) -> None:
        self.backlog.refresh()
        free = self.context.config.capture.max_concurrent_captures - len(self.running)
        if free <= 0:
            return
        if why_not := self.output.why_not:  # log each once: they may be many, and wait for long
            logged = {*self.running, *self.audit.waiting}
            for anomaly in self.backlog.due(time.monotonic(), logged):
                self.audit.declared(anomaly)
                self.audit.waits(anomaly.timestamp, why_not)
            return
        for anomaly in islice(self.backlog.due(time.monotonic(), self.running), free):
            self.audit.declared(anomaly)
            self._start(anomaly)

    def _refuse(self) -> None:
        """More may wait than are captured at once, but only up to a limit."""
        most = self.context.config.capture.max_waiting
        refused = self.backlog.refuse(most, time.monotonic(), self.running)
        for anomaly in refused:
            self.audit.has_refused(anomaly, f"{most} others were waiting")
        if refused and not self._refusing:
            text = "%d anomalies wait (capture.max_waiting): those that come now get no bundle"
            self.context.logger.warning(text, most)
        self._refusing = bool(refused) or (self._refusing and len(self.backlog) > most)

    def _start(self, anomaly: Anomaly) -> None:
        self.maker.incidents.add(anomaly)
        job = self.running[anomaly.timestamp] = self.maker.job()
        if self._has_used(HURRY_SHARE):
            job.end()
        task = asyncio.create_task(self.maker.make(anomaly, job))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, anomaly.timestamp))

    def _ended(self, timestamp: int, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        del self.running[timestamp]
        self._wake.set()

    def _heartbeat(self) -> None:
        why_not = self.output.why_not
        self.context.heartbeat(
            "impaired" if why_not else "ready",
            f"no bundles: {why_not}" if why_not else "",
            sealed=self.audit.sealed,
            failed=self.audit.failed,
            refused=self.audit.refused,
            running=len(self.running),
            set_aside=self.backlog.set_aside,
            hanging=len(process.hanging()),
            not_read=reader_lock.refused(),
            unsent=self._cleanup.unsent,
            **self._recorders.counters(),
        )

    def _is_over(self) -> bool:
        """Shutting down, and done with what can be done, or out of time."""
        if not self.context.shutting_down:
            return False
        self._reconfigure()  # a channel also says how long the shutdown may take
        self._stop_began = min(self._stop_began, time.monotonic())
        if self._has_used(HURRY_SHARE):
            for one in self.running.values():
                one.end()
        if self._has_used(GIVE_UP_SHARE) or (not self.running and self.output.why_not):
            if left := len(self.backlog):
                self.context.logger.warning("%d bundles are left for the next start", left)
            return True
        self.backlog.refresh()  # detect's last anomaly may have come since the loop's turn began
        return not self.running and next(self.backlog.due(time.monotonic(), ()), None) is None

    def _has_used(self, share: float) -> bool:
        """Whether this share of the time for the shutdown is over; never before the shutdown."""
        return time.monotonic() - self._stop_began > share * self.context.stop_within_sec


def run(context: StageContext) -> int:
    """Capture until shut down."""
    asyncio.run(Capture(context).run())
    return 0
