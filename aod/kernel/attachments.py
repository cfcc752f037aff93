"""Which programs are attached to the cifs client, and what it means where one is not.

The module's tracepoints differ from kernel to kernel. Those of operations are needed; without the
tracepoint of a connection event, that event is not seen, which is reported."""

import errno
import logging
import os
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field
from msgspec.json import Decoder

from aod.kernel.errors import TracerError
from aod.kernel.tracer import Attachment, Tracer
from aod.smb.commands import ConnectionEvent
from aod.state.report_file import ReportFile

ATTACH_INTERVAL_SEC: Final = 1.0
"""Between two tries to attach what is not attached."""
NEEDED: Final = frozenset({"smb3_cmd_enter", "smb3_cmd_done", "smb3_cmd_err"})
"""Without these no operation is seen to start or to end."""


class Report(Struct, frozen=True):
    """What is attached, as `aod status` shows it."""

    programs: tuple[tuple[str, str], ...] = ()
    """Each with the reason why it is not attached; empty: it is."""
    mid_release: str = field(default="", name="release")
    """How unanswered operations are recognised."""


FILE: Final = ReportFile("attachments.json", Report(), Decoder(Report).decode)
"""Written by collect."""


def rows(attachments: Iterable[Attachment]) -> tuple[tuple[str, str], ...]:
    """The `programs` of a report."""
    return tuple((one.name, _reason(one)) for one in attachments)


def describe_missing(attachments: Iterable[Attachment], hindrance: str = "") -> str:
    """Why operations are not seen yet, in a line; empty when they are. `hindrance`: what keeps a
    mount from loading the module (`aod.kernel.client`)."""
    missing = _missing(attachments)
    if awaits_module(missing):
        how = f"a mount will not do it: {hindrance}" if hindrance else "a first mount does it"
        return f"waiting for the cifs module to be loaded ({how})"
    return not_attached(rows(missing))


def awaits_module(attachments: Iterable[Attachment]) -> bool:
    """Whether operations are not seen only because the cifs module is not loaded."""
    missing = _missing(attachments)
    return bool(missing) and all(one.error == errno.ENOENT for one in missing)


def _missing(attachments: Iterable[Attachment]) -> list[Attachment]:
    return [one for one in attachments if one.name in NEEDED and one.error]


def not_attached(programs: Iterable[tuple[str, str]]) -> str:
    """Those of a report's `programs` that are not attached, in a line; empty when all are."""
    missing = [f"{name}, {why}" for name, why in programs if why]
    return f"not attached: {'; '.join(missing)}" if missing else ""


def unseen_mask(attachments: Iterable[Attachment]) -> int:
    """The connection events that this kernel does not report, once operations are seen: bit n for
    event n, as in the head of the event log."""
    missing = {one.name for one in attachments if one.error}
    return sum(1 << event for event in ConnectionEvent if event.tracepoint in missing)


def describe_unseen(attachments: Iterable[Attachment]) -> str:
    """These events in a line, with the reasons; empty when all events are seen."""
    reasons = dict(rows(attachments))
    unseen = [
        f"{event.phrase} ({event.tracepoint}, {why})"
        for event in ConnectionEvent
        if (why := reasons.get(event.tracepoint))
    ]
    return f"not seen on this kernel: {', '.join(unseen)}" if unseen else ""


def attach_mid_release(tracer: Tracer, program: bytes, logger: logging.Logger) -> str:
    """Attach the hooks that see a mid released, if there is an object; log why where that fails.
    Returns how unanswered operations are recognised."""
    if not program:
        return "by their age"
    try:
        tracer.attach_mid_release(program)
    except TracerError as error:
        how = f"by their age: {why_by_age(error)}"
        logger.info("unanswered operations are recognised %s", how)
        return how
    return "by hooks on the client's functions"


def why_by_age(error: TracerError) -> str:
    """Why no hook sees a mid released, in a line."""
    known = {
        errno.ENOENT: "the cifs module has no BTF",
        errno.ESRCH: "the functions of the cifs module are others than the hooks know",
    }
    return known.get(error.errno or 0, str(error.args[1]).splitlines()[0])


def from_mask(mask: int) -> tuple[ConnectionEvent, ...]:
    """The connection events of a mask."""
    return tuple(event for event in ConnectionEvent if mask >> event & 1)


def _reason(one: Attachment) -> str:
    """Why it is not attached; empty: it is."""
    if one.error == errno.ENOENT:
        return "no such tracepoint"
    return os.strerror(one.error) if one.error else ""
