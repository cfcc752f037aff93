"""collect's attaching to the cifs client: again and again until it succeeds, reported each time.

The cifs module may be loaded long after the daemon has started: a first mount does that."""

from aod.host import privileges
from aod.kernel import attachments
from aod.kernel.attachments import (
    ATTACH_INTERVAL_SEC,
    attach_mid_release,
    awaits_module,
    describe_missing,
    describe_unseen,
    unseen_mask,
)
from aod.kernel.peer_source import Peers
from aod.kernel.tracer import Attachment, Tracer
from aod.stages.base import StageContext
from aod.transport.eventlog import EventLog
from aod.transport.wire import HealthState


class Attaching:
    """Attaches the programs of a tracer.

    Attributes:
        note: why operations are not seen; empty when they are, None before the first try.
        state: for the heartbeat."""

    def __init__(
        self,
        context: StageContext,
        tracer: Tracer,
        event_log: EventLog,
        peers: Peers,
        mid_release: bytes,
    ) -> None:
        self.note: str | None = None
        self.state: HealthState = "ready"
        self._context = context
        self._tracer = tracer
        self._event_log = event_log
        self._peers = peers
        self._mid_release = mid_release
        self._next = 0.0

    def tick(self, now: float) -> None:
        """Try again, if that is due; `now` is monotonic seconds."""
        if self.note == "" or now < self._next:
            return
        self._next = now + ATTACH_INTERVAL_SEC
        found = self._tracer.attach()
        note = describe_missing(found)
        if note == self.note:
            return
        self.note = note
        self.state = "ready" if not note else "waiting" if awaits_module(found) else "impaired"
        self._context.logger.info("%s", note or "attached to the cifs client; watching")
        how = self._complete() if not note else ""
        self._report(found, how)

    def _complete(self) -> str:
        """Operations are seen: attach the rest, and drop what only that needed; how unanswered
        operations are recognised."""
        # The module may have been loaded between two programs: what is missing now is missing.
        found = self._tracer.attach()
        self._event_log.header["unseen_events"] = unseen_mask(found)
        if unseen := describe_unseen(found):
            self._context.logger.info("%s", unseen)
        how = attach_mid_release(self._tracer, self._mid_release, self._context.logger)
        self._peers.look_at_mounts()
        privileges.narrow()
        return how

    def _report(self, found: tuple[Attachment, ...], how: str) -> None:
        """For `aod status`."""
        report = attachments.Report(attachments.rows(found), how)
        try:
            attachments.FILE.write(self._context.runtime_dir, report)
        except OSError as error:
            path = self._context.runtime_dir / attachments.FILE.name
            self._context.logger.error("%s cannot be written: %s", path, error)
