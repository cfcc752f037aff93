"""capture: from a declared anomaly to a sealed bundle, on an async event loop, a few at a time.

A capture that fails is tried again later and never ends the stage. Everything that blocks runs in a
child process or in a thread, so the loop can always answer. The threads are not niced like the
children: on a busy host a niced one would keep the interpreter's lock, and the loop, waiting.
"""

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import Final

from aod.actions import orphans, process
from aod.anomaly import Anomaly
from aod.audit import reader as audit_reader
from aod.audit.log import AuditLog
from aod.capture.audit import Account
from aod.capture.backlog import Backlog
from aod.capture.maker import Maker
from aod.capture.output_folder import OutputState
from aod.capture.running import GIVE_UP_SHARE, HURRY_SHARE, Running, StopClock
from aod.flight.recorders import Recorders
from aod.stages.base import StageContext
from aod.state import spool
from aod.state.ledger import Ledger
from aod.transport.wire import Suppressed

TICK_SEC: Final = 0.5
"""A doorbell that was lost delays by this at most; the disk is looked at as often."""


class Capture:
    """The stage's state: what is being captured, and what has become of the others."""

    def __init__(self, context: StageContext) -> None:
        config = context.config
        self.context = context
        spool_dir = config.state_dir / spool.FOLDER
        self.ledger = Ledger(config.runtime_dir, spool_dir, context.logger)
        self.backlog = Backlog(spool_dir, context.logger, self.ledger)
        self.running: dict[int, Running] = {}
        self.account = Account(AuditLog(config, context.logger))
        self.output = OutputState(config, context.logger)
        self.maker = Maker(
            config,
            context.logger,
            context.outbox("cleanup"),
            context.outbox("collect", newest_only=True),
            self.ledger,
            self.backlog,
            self.account,
            self.output,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._recorders = Recorders(config, context.logger)
        self._stop = StopClock()
        self._refusing = False

    def _reconfigure(self) -> None:
        """Go on with a new configuration, if there is one; what was begun is finished as it was."""
        if (config := self.context.new_config()) is None:
            return
        self.maker.use(config)
        self.output.use(config)
        self.account.use(config)
        self._recorders.use(config)

    async def run(self) -> None:
        """Capture until told to stop, and then what is pending; never longer than the drain."""
        await self._begin_beating()
        loop = asyncio.get_running_loop()
        for fd in self.context.wake_fds():
            loop.add_reader(fd, self._wake.set)
        watching = asyncio.create_task(self._watch_output())
        try:
            while True:
                self._start_due()
                self._refuse()
                self._recorders.tick()
                self._beat()
                if self._is_over():
                    break
                await self._pause()
                self._hear()
                self._reconfigure()
        finally:
            for fd in self.context.wake_fds():
                loop.remove_reader(fd)
            watching.cancel()
            await self._cancel()
            self._recorders.close()
            await asyncio.to_thread(self.account.close)
            self.ledger.close()

    async def _begin_beating(self) -> None:
        """Alive, however long the output folder takes: it may hang."""
        beginning = asyncio.ensure_future(self._begin())
        while not beginning.done():
            self._beat()
            await asyncio.wait((beginning,), timeout=TICK_SEC)
        beginning.result()

    async def _begin(self) -> None:
        self.maker.begin()
        if ended := await asyncio.to_thread(orphans.end):
            self.context.logger.warning("ended %d sources of a predecessor that died", len(ended))
        await self.output.look()
        await self.maker.find_leftovers()
        self.backlog.settle()
        if len(self.backlog):
            await asyncio.to_thread(self._remember)

    def _remember(self) -> None:
        self.account.remember(audit_reader.read(self.context.config))

    async def _watch_output(self) -> None:
        while True:
            await asyncio.sleep(TICK_SEC)
            await self.output.look()
            if self.output.is_short:
                self._end_all(self.output.why_not)
            self._wake.set()

    def _end_all(self, why: str = "") -> None:
        for one in self.running.values():
            one.end(why)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_SEC):
                await self._wake.wait()
        self._wake.clear()

    def _hear(self) -> None:
        """Empty all that wakes us; of the inbox, the descriptor tells of a first message only.

        An anomaly that is known was found in the spool; it may have been refused since.
        """
        self.context.clear_signals()
        for message in self.context.messages():
            if isinstance(message, Anomaly):
                self.maker.incidents.add(message)
                if not self.account.knows(message.timestamp) and self.backlog.offer(message):
                    self.account.declared(message)
            elif isinstance(message, Suppressed):
                self.account.suppressed(message)

    def _start_due(self) -> None:
        free = self.context.config.capture.max_concurrent_captures - len(self.running)
        if free <= 0:
            return
        if self.output.why_not:
            self._tell_waiting(self.output.why_not)
            return
        for anomaly in self.backlog.due(time.monotonic(), self.running):
            self.account.declared(anomaly)
            self._start(anomaly)
            free -= 1
            if not free:
                return

    def _tell_waiting(self, why_not: str) -> None:
        """Each once: they may be many, and wait for long."""
        told = {*self.running, *self.account.waiting}
        for anomaly in self.backlog.due(time.monotonic(), told):
            self.account.declared(anomaly)
            self.account.waits(anomaly.timestamp, why_not)

    def _refuse(self) -> None:
        """More may wait than are captured at once, but not without limit."""
        most = self.context.config.capture.max_waiting
        refused = self.backlog.refuse(most, time.monotonic(), self.running)
        for anomaly in refused:
            self.account.has_refused(anomaly, f"{most} others were waiting")
        if refused and not self._refusing:
            why = "%d anomalies wait (capture.max_waiting): those that come now get no bundle"
            self.context.logger.warning(why, most)
        self._refusing = bool(refused) or (self._refusing and len(self.backlog) > most)

    def _start(self, anomaly: Anomaly) -> None:
        self.maker.incidents.add(anomaly)
        running = self.running[anomaly.timestamp] = self.maker.running()
        if self._stop.is_over(HURRY_SHARE):
            running.end()
        task = asyncio.create_task(self.maker.make(anomaly, running))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, anomaly.timestamp))

    def _ended(self, timestamp: int, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        del self.running[timestamp]
        self._wake.set()

    def _beat(self) -> None:
        self.context.heartbeat(
            "stopping" if self.context.shutting_down else "ready",
            note=f"no bundles: {self.output.why_not}" if self.output.why_not else "",
            sealed=self.account.sealed,
            failed=self.account.failed,
            refused=self.account.refused,
            running=len(self.running),
            set_aside=self.backlog.set_aside,
            hanging=len(process.hanging()),
            unsent=self.maker.unsent,
            **self._recorders.counters(),
        )

    def _is_over(self) -> bool:
        """Told to stop, and done with what can be done, or out of time."""
        if not self.context.shutting_down:
            return False
        self._reconfigure()  # and learn how long the stop may take
        self._stop.begin(self.context.stop_within_sec)
        if self._stop.is_over(HURRY_SHARE):
            self._end_all()
        if self._stop.is_over(GIVE_UP_SHARE) or (not self.running and self.output.why_not):
            if left := len(self.backlog):
                self.context.logger.warning("%d bundles are left for the next start", left)
            return True
        return not self.running and next(self.backlog.due(time.monotonic(), ()), None) is None

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(context: StageContext) -> int:
    """Capture until told to stop."""

    async def stage() -> None:
        await Capture(context).run()  # made within the loop

    asyncio.run(stage())
    return 0
