"""Attaching to the cifs client: again and again until it succeeds, each time reported.

The cifs module may be loaded long after the daemon has started: a first mount does that."""

from dataclasses import dataclass, field

from aod.host import privileges
from aod.kernel import attachments, client
from aod.kernel.attachments import ATTACH_INTERVAL_SEC, describe_missing, describe_unseen
from aod.kernel.peer_source import Peers
from aod.kernel.tracer import Tracer
from aod.stages.base import StageContext
from aod.transport.eventlog import EventLog
from aod.transport.wire import HealthState


@dataclass(slots=True)
class Attaching:
    """Attaches a tracer, and looks at the mounts once that has succeeded."""

    context: StageContext
    tracer: Tracer
    event_log: EventLog
    peers: Peers
    mid_release: bytes
    note: str | None = None
    """Why operations are not seen; empty when they are, None before the first try."""
    state: HealthState = "ready"
    """For the heartbeat."""
    due: float = 0.0
    """The next try, in monotonic seconds."""
    hindrance: str = field(default_factory=client.hindrance)
    """What keeps a mount from loading the module, as seen at the start."""

    def tick(self, now: float) -> None:
        """Try again, if that is due; `now` is monotonic seconds."""
        if self.note == "" or now < self.due:
            return
        self.due = now + ATTACH_INTERVAL_SEC
        found = self.tracer.attach()
        note = describe_missing(found, self.hindrance)
        if note == self.note:
            return
        self.note = note
        waits = attachments.awaits_module(found)
        self.state = "ready" if not note else "waiting" if waits else "impaired"
        self.context.logger.info("%s", note or "attached to the cifs client; watching")
        how = self._complete() if not note else ""
        report = attachments.Report(attachments.rows(found), how)
        try:
            attachments.FILE.write(self.context.runtime_dir, report)
        except OSError as error:
            path = self.context.runtime_dir / attachments.FILE.name
            self.context.logger.error("%s cannot be written: %s", path, error)

    def _complete(self) -> str:
        """Operations are seen: attach the rest, and drop what only that needed; how unanswered
        operations are recognised."""
        # The module may have been loaded between two programs: what is missing now is missing.
        found, logger = self.tracer.attach(), self.context.logger
        self.event_log.header["unseen_events"] = attachments.unseen_mask(found)
        if text := describe_unseen(found):
            logger.info("%s", text)
        how = attachments.attach_mid_release(self.tracer, self.mid_release, logger)
        self.peers.look_at_mounts()
        privileges.narrow()
        return how
