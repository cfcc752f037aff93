"""collect: from the kernel's ring into the event log, and the doorbell to detect.

The kernel wakes this stage for a match, or for a ring that fills up; everything else waits for the
next tick. Nothing here looks at a record.
"""

import select
import time
from typing import Final

from aod.config.rules import kernel_thresholds
from aod.host import privileges
from aod.kernel import attachments
from aod.kernel.attachments import (
    ATTACH_INTERVAL_SEC,
    attach_mid_release,
    describe_missing,
    describe_unseen,
    to_mask,
    unseen_events,
)
from aod.kernel.objects import TracerSetup, mid_release_program, program
from aod.kernel.peer_source import Peers
from aod.kernel.thresholds import give_up_ages_ns
from aod.kernel.tracer import Drained, DrainStop, Tracer, remove
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
    """The stage's state: the tracer, the log, and what it has told."""

    def __init__(self, context: StageContext, tracer: Tracer, mid_release: bytes = b""):
        config = context.config
        self.mid_release = mid_release
        self.context = context
        self.tracer = tracer
        self.log = EventLog.writer(config.runtime_dir, config.event_log_mb)
        ReadPosition.open(config.runtime_dir, self.log.position).close()
        self.reader = ReadPosition.reader(config.runtime_dir)
        self.counters = CounterRing(config.runtime_dir, config.capture.history_sec)
        self.outbox = context.outbox("detect")
        self.tracer.adopt_log(self.log)
        self.peers = Peers(tracer, config.runtime_dir, context.log)
        self.note: str | None = None
        self._give_up_ns = give_up_ages_ns(config.unanswered_sec)
        self._wake = select.epoll()
        # Edge-triggered: the ring is readable whenever it holds anything, but only the records that
        # the kernel wakes us for are worth a drain before the next tick.
        self._wake.register(tracer.wake_fd, select.EPOLLIN | select.EPOLLET)
        context.also_wait_for(self._wake.fileno())
        self._next_attach = self._last_stats = self._last_drain = 0.0
        self._malformed = 0
        self._active = self._matched = False

    def limit(self) -> int:
        """Up to which log position may be written."""
        position = self.log.position
        read = self.reader.get().position
        limit = write_limit(position, read, self.log.capacity)
        if limit is not None:
            return limit
        if not self.log.header["reader_invalid"]:
            self.context.log.error(
                "detect claims to have read up to %d, the log ends at %d: not believed",
                read,
                position,
            )
        self.log.header["reader_invalid"] += 1
        return position + self.log.capacity

    def drain(self) -> DrainStop:
        """Empty the kernel's ring into the log, and ring detect's bell; why it ended."""
        self.tracer.begin_drain()
        self.peers.tick()  # the kernel tells a name before the record that needs it
        stop = DrainStop.LIMIT
        while stop is DrainStop.LIMIT:
            drained = self.tracer.drain(self.log, self.limit(), self.log.commit_records)
            stop = drained.stop
            self._tell(drained)
        self._last_drain = time.monotonic()
        return stop

    def _tell(self, drained: Drained) -> None:
        self._matched |= drained.matched > 0
        if drained.count:
            self._active = True
            self.outbox.send(Batch(drained.start, drained.count))
        if drained.malformed and not self._malformed:
            self.context.log.error("the ring holds entries that are no records; passed over")
        self._malformed += drained.malformed

    def scan(self) -> None:
        """Tell of operations that hang, and give up those that nobody waits for any more."""
        start = self.log.position
        now_ns = time.monotonic_ns()
        hung = self.tracer.scan_in_flight(self.log, self.limit(), now_ns, self._give_up_ns)
        if len(hung):
            self._matched = True
            self.outbox.send(Batch(start, len(hung)))

    def hear(self) -> None:
        """Empty the inbox."""
        for message in self.context.messages():
            if isinstance(message, OwnPids):
                self.tracer.set_own(message.pids)
            else:
                self.context.log.warning("collect takes no %s; ignored", type(message).__name__)

    def reconfigure(self) -> None:
        """Go on with a new configuration, if there is one: the programs stay attached."""
        if (config := self.context.new_config()) is not None:
            self.tracer.set_thresholds(kernel_thresholds(config))
            self._give_up_ns = give_up_ages_ns(config.unanswered_sec)

    def attach(self) -> None:
        """Attach what is not attached yet; what changed is said once."""
        found = self.tracer.attach()
        note = describe_missing(found)
        if note != self.note:
            how = ""
            self.context.log.info("%s", note or "attached to the cifs client; watching")
            self.note = note
            self.beat()
            if not note:
                self._say_unseen()
                how = attach_mid_release(self.tracer, self.mid_release, self.context.log)
                self.peers.look_at_mounts()
                privileges.narrow()
            self._report(attachments.Report(attachments.rows(found), how))

    def _report(self, report: attachments.Report) -> None:
        """For `aod status`."""
        try:
            attachments.FILE.write(self.context.runtime_dir, report)
        except OSError as error:
            self.context.log.error("what is attached is not told: %s", error)

    def _say_unseen(self) -> None:
        """The module may have come between two programs: only now is absent what is missing."""
        found = self.tracer.attach()
        self.log.header["unseen_events"] = to_mask(unseen_events(found))
        if told := describe_unseen(found):
            self.context.log.info("%s", told)

    def tick(self) -> None:
        """What is due by the clock."""
        now = time.monotonic()
        if self.note != "" and now >= self._next_attach:
            self.attach()
            self._next_attach = now + ATTACH_INTERVAL_SEC
        self.scan()
        if now >= self._last_stats + STATS_INTERVAL_SEC:
            self.publish_stats()
        self.beat()

    def publish_stats(self) -> None:
        """Into the head of the log, and among the snapshots that bundles are made from."""
        self._last_stats, self._matched = time.monotonic(), False
        self.tracer.publish_stats(self.log, time.monotonic_ns())
        self.counters.add(self.log.header)

    def publish_match(self) -> None:
        """The same for an operation that matched: it may be the one that triggers."""
        if self._matched and time.monotonic() >= self._last_stats + MATCH_STATS_INTERVAL_SEC:
            self.publish_stats()

    def next_tick_sec(self) -> float:
        """How long until the next tick; operations in flight are looked at more often."""
        idle = not self._active and not self.log.header["in_flight"]
        self._active = False
        return IDLE_TICK_SEC if idle else TICK_SEC

    def wait(self, until: float) -> None:
        """Until the tick, or sooner when the kernel or the inbox asks; not right after a drain."""
        time.sleep(max(0.0, self._last_drain + MIN_DRAIN_INTERVAL_SEC - time.monotonic()))
        self.context.wait(max(0.0, until - time.monotonic()))
        self._wake.poll(0)

    def beat(self) -> None:
        state = "waiting" if self.note else "ready"
        self.context.beat(
            "stopping" if self.context.stopping else state,
            self.note or "",
            records=self.log.position,
            in_flight=int(self.log.header["in_flight"]),
            dropped=int(self.log.header["stats"]["dropped_ring_full"].sum()),
            simulated=int(self.log.header["stats"]["dropped_simulated"].sum()),
            untracked=int(self.log.header["stats"]["dropped_inflight_full"].sum()),
            malformed=self._malformed,
            replaced=self.tracer.replaced,
            unsent=self.outbox.unsent,
        )

    def close(self) -> None:
        """A clean end: the last records, the last counters, nothing left in the kernel.

        Where the log is full, detect gets a moment to read on; what then is left is said.
        """
        deadline = time.monotonic() + LAST_DRAIN_SEC
        while self.drain() is DrainStop.FULL and time.monotonic() < deadline:
            time.sleep(MIN_DRAIN_INTERVAL_SEC)
        if left := self.tracer.pending():
            self.context.log.error("%d records in the kernel's ring are lost with this stop", left)
        self.publish_stats()
        self.beat()  # the last counters: what was lost is told in the audit log
        self._wake.close()
        self.reader.close()
        self.counters.close()
        self.peers.close()
        self.tracer.close()
        remove(self.context.config.pin_dir)


def run(context: StageContext, simulate_drops: float = 0) -> int:
    """Collect until told to stop; lose so many percent of the records on purpose."""
    config = context.config
    mid_release = mid_release_program()
    ring_bytes = config.ring_mb << 20
    setup = TracerSetup(config.pin_dir, ring_bytes, config.max_inflight, mid_release)
    tracer = Tracer.adopt(program(), setup, kernel_thresholds(config))
    tracer.simulate_drops(simulate_drops)
    if simulate_drops:
        text = "--simulate-drops: %g percent of the records of this run are lost on purpose"
        context.log.warning(text, simulate_drops)
    if tracer.replaced:
        text = "%d records of another build are lost: nobody had read them when it was replaced"
        context.log.error(text, tracer.replaced)
    collector = Collector(context, tracer, mid_release)
    next_tick = 0.0
    while not context.stopping:
        collector.hear()
        collector.reconfigure()
        collector.drain()  # before the tick: what ended comes before what hangs
        now = time.monotonic()
        if now >= next_tick:
            collector.tick()
            next_tick = now + collector.next_tick_sec()
        collector.publish_match()
        collector.wait(next_tick)
    collector.close()
    return 0
