"""collect: from the kernel's ring into the event log, with a message to detect for each batch.

The kernel wakes this stage for a match, or for a ring that fills up; everything else waits for the
next tick. Nothing here looks at a record."""

import select
import time
from typing import Final

from aod.audit.daemon import kernel_losses
from aod.config.rules import kernel_thresholds
from aod.kernel import reader_lock
from aod.kernel.objects import TracerSetup, mid_release_program, program
from aod.kernel.peer_source import Peers
from aod.kernel.thresholds import give_up_ages_ns
from aod.kernel.tracer import DrainStop, Tracer, remove
from aod.stages.attaching import Attaching
from aod.stages.base import StageContext
from aod.state.counters import CounterRing
from aod.transport.eventlog import EventLog
from aod.transport.position import ReadPosition, write_limit
from aod.transport.wire import Batch, OwnPids

TICK_SEC: Final = 0.1
IDLE_TICK_SEC: Final = 0.25
"""Between ticks while nothing is in flight and nothing was read: an idle share costs nothing."""
MIN_DRAIN_INTERVAL_SEC: Final = 0.002
"""Wake-ups closer together than this are served by one drain, so that a storm stays cheap."""
LAST_DRAIN_SEC: Final = 0.25
STATS_INTERVAL_SEC: Final = 1.0
MATCH_STATS_INTERVAL_SEC: Final = 0.1  # they are read after a match, too


class Collector:
    """The stage's state: the tracer, the event log, and what is due when."""

    def __init__(self, context: StageContext, tracer: Tracer, mid_release: bytes = b""):
        config = context.config
        self.context = context
        self.tracer = tracer
        self.event_log = EventLog.writer(config.runtime_dir, config.event_log_mb)
        ReadPosition.open(config.runtime_dir, self.event_log.position).close()
        self.reader = ReadPosition.reader(config.runtime_dir)
        self.counters = CounterRing(config.runtime_dir, config.capture.history_sec)
        self.outbox = context.outbox("detect")
        self.tracer.adopt_log(self.event_log)
        policy = config.capture.proc_cifs
        self.peers = Peers(tracer, context.logger, config.runtime_dir, policy)
        self._attaching = Attaching(context, tracer, self.event_log, self.peers, mid_release)
        self._give_up_ns = give_up_ages_ns(config.unanswered_sec)
        self._wake = select.epoll()
        # Edge-triggered: the ring is readable whenever it holds anything, but only the records that
        # the kernel wakes us for are worth a drain before the next tick.
        self._wake.register(tracer.wake_fd, select.EPOLLIN | select.EPOLLET)
        context.also_wait_for(self._wake.fileno())
        self._last_stats = self._last_drain = 0.0
        self._malformed = 0
        self._active = self.matched = False

    def limit(self) -> int:
        """Up to which log position may be written."""
        position = self.event_log.position
        read = self.reader.get().position
        limit = write_limit(position, read, self.event_log.capacity)
        if limit is not None:
            return limit
        if not self.event_log.header["reader_invalid"]:
            text = "detect claims to have read up to %d, the log ends at %d: not believed"
            self.context.logger.error(text, read, position)
        self.event_log.header["reader_invalid"] += 1
        return position + self.event_log.capacity

    def drain(self) -> DrainStop:
        """Empty the kernel's ring into the event log, and notify detect; why it ended."""
        self.tracer.begin_drain()
        self.peers.update()  # the kernel publishes a name before the record that needs it
        stop = DrainStop.LIMIT
        while stop is DrainStop.LIMIT:
            most = self.event_log.commit_records
            drained = self.tracer.drain(self.event_log, self.limit(), most)
            stop = drained.stop
            self.matched |= drained.matched > 0
            if drained.count:
                self._active = True
                self.outbox.send(Batch(drained.start, drained.count))
            if drained.malformed and not self._malformed:
                self.context.logger.error("the ring holds entries that are no records; skipped")
            self._malformed += drained.malformed
        self._last_drain = time.monotonic()
        return stop

    def scan(self) -> None:
        """Append records of operations that hang, and of those that are too old to be answered."""
        start, now_ns = self.event_log.position, time.monotonic_ns()
        hung = self.tracer.scan_in_flight(self.event_log, self.limit(), now_ns, self._give_up_ns)
        if len(hung):
            self.matched = True
            self.outbox.send(Batch(start, len(hung)))

    def receive(self) -> None:
        """Empty the inbox, and use a new configuration, if there is one; the programs stay."""
        for message in self.context.inbox.messages():
            if isinstance(message, OwnPids):
                self.tracer.set_own(message.pids)
        if (config := self.context.new_config()) is not None:
            self.tracer.set_thresholds(kernel_thresholds(config))
            self._give_up_ns = give_up_ages_ns(config.unanswered_sec)
            self.peers.policy = config.capture.proc_cifs

    def tick(self) -> None:
        """What is due by the clock."""
        now = time.monotonic()
        self._attaching.tick(now)
        self.scan()
        self.publish_stats(STATS_INTERVAL_SEC)
        self.heartbeat()

    def publish_stats(self, interval_sec: float) -> None:
        """Into the event log's head, and among bundles' snapshots; if it is that long ago."""
        now = time.monotonic()
        if now >= self._last_stats + interval_sec:
            self._last_stats, self.matched = now, False
            if moved_ns := self.event_log.follow_clock():
                text = "the clock has moved by %+.1f s since the last look; followed"
                self.context.logger.info(text, moved_ns / 1e9)
            self.tracer.publish_stats(self.event_log, time.monotonic_ns())
            self.counters.add(self.event_log.header)

    def next_tick_sec(self) -> float:
        """How long until the next tick; shorter while operations are in flight."""
        idle = not self._active and not self.event_log.header["in_flight"]
        self._active = False
        return IDLE_TICK_SEC if idle else TICK_SEC

    def wait(self, until: float) -> None:
        """Until the tick, or sooner for the kernel or the inbox; not right after a drain."""
        time.sleep(max(0.0, self._last_drain + MIN_DRAIN_INTERVAL_SEC - time.monotonic()))
        self.context.wait(max(0.0, until - time.monotonic()))
        self._wake.poll(0)

    def heartbeat(self) -> None:
        self.context.heartbeat(
            self._attaching.state,
            self._attaching.note or "",
            records=self.event_log.position,
            in_flight=int(self.event_log.header["in_flight"]),
            **kernel_losses(self.event_log),
            malformed=self._malformed,
            replaced=self.tracer.replaced,
            unsent=self.outbox.unsent,
            not_read=reader_lock.refused(),
        )

    def close(self) -> None:
        """Drain the last records, publish the last counters, leave nothing in the kernel.

        Where the event log is full, detect gets a moment to read on; what is left is logged."""
        deadline = time.monotonic() + LAST_DRAIN_SEC
        while self.drain() is DrainStop.FULL and time.monotonic() < deadline:
            time.sleep(MIN_DRAIN_INTERVAL_SEC)
        if left := self.tracer.pending():
            text = "%d records in the kernel's ring are lost with this stop"
            self.context.logger.error(text, left)
        self.publish_stats(0.0)
        self.heartbeat()  # the supervisor logs the last losses
        for one in (self._wake, self.reader, self.counters, self.peers, self.tracer):
            one.close()
        remove(self.context.config.pin_dir)


def _tracer(context: StageContext, mid_release: bytes, simulate_drops: float) -> Tracer:
    config = context.config
    setup = TracerSetup(config.pin_dir, config.ring_mb << 20, config.max_inflight, mid_release)
    tracer = Tracer.adopt(program(), setup, kernel_thresholds(config))
    tracer.simulate_drops(simulate_drops)
    if simulate_drops:
        text = "--simulate-drops: %g percent of the records of this run are lost on purpose"
        context.logger.warning(text, simulate_drops)
    if tracer.replaced:
        text = "%d records of another build are lost: detect had not read them"
        context.logger.error(text, tracer.replaced)
    return tracer


def run(context: StageContext, simulate_drops: float = 0) -> int:
    """Collect until shut down; lose so many percent of the records on purpose."""
    mid_release = mid_release_program()
    collector = Collector(context, _tracer(context, mid_release, simulate_drops), mid_release)
    next_tick = 0.0
    while not context.shutting_down:
        collector.receive()
        collector.drain()  # before the tick: what ended comes before what hangs
        now = time.monotonic()
        if now >= next_tick:
            collector.tick()
            next_tick = now + collector.next_tick_sec()
        if collector.matched:  # it may be a trigger
            collector.publish_stats(MATCH_STATS_INTERVAL_SEC)
        collector.wait(next_tick)
    collector.close()
    return 0
