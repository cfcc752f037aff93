"""What became of the sources of an action: rows of the manifest."""

from enum import StrEnum

from msgspec import Struct

from aod.text import utc_now


class Status(StrEnum):
    """How a source ended."""

    OK = "ok"
    FAILED = "failed"
    """Exit status other than 0, or an error in its output; what it printed is kept."""
    TIMED_OUT = "timed_out"
    """Killed; what it printed until then is kept."""
    TRUNCATED = "truncated"
    """More than its size cap; the rest was dropped."""
    ABANDONED = "abandoned"
    """Killed and did not die: it hangs in the kernel, which is a finding in itself."""
    MISSING = "missing"
    """Not run, or nothing there; `note` says what is missing on this host, that it is not allowed,
    or why a mount was not asked."""


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One command that was run (or could not be) for an action."""

    name: str
    """The action."""
    file: str
    """Its file in the bundle; sources of one action share it."""
    command: tuple[str, ...]
    status: Status
    started: str
    duration_sec: float
    exit_status: int | None
    """Negative: killed by that signal; null: not run, or not ended."""
    timed_out: bool
    truncated: bool
    bytes: int
    """Size of the file."""
    sha256: str
    """Of the file; empty when there is none."""
    stderr_tail: str
    note: str


def not_run(
    name: str,
    note: str,
    status: Status = Status.MISSING,
    file: str = "",
    command: tuple[str, ...] = (),
) -> Source:
    """A source as it is before it has run, or when it has not."""
    return Source(
        name=name,
        file=file,
        command=command,
        status=status,
        started=utc_now(),
        duration_sec=0.0,
        exit_status=None,
        timed_out=False,
        truncated=False,
        bytes=0,
        sha256="",
        stderr_tail="",
        note=note,
    )


class Mount(Struct, frozen=True, forbid_unknown_fields=True):
    """A mounted cifs file system; each once, however often it is bound."""

    source: str
    mount_point: str
    type: str
    options: str
    """Of the file system; secrets are masked."""
    note: str = ""
    """Why no path leads to it, where none does."""
