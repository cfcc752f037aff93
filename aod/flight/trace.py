"""The cifs client's tracepoints in a buffer of our own, which overwrites what is oldest.

An instance of tracefs (Documentation/trace/ftrace.rst, "Instances") has buffers and switches of
its own, so nobody else's tracing is disturbed, nor is ours."""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from aod.config.schema import Trace
from aod.log import WarnOnce

ROOTS: Final = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
MODULE: Final = Path("/sys/module/cifs")
_EVENTS: Final = Path("events/cifs/enable")
_LEAST_KIB: Final = 16


def folder(pin_dir: Path) -> Path:
    """The instance of the daemon that pins its eBPF objects there.

    Raises FileNotFoundError: this kernel has no tracefs, or it is not mounted."""
    for root in ROOTS:
        if (root / "instances").is_dir():
            return root / "instances" / f"aod-{pin_dir.name}"
    raise FileNotFoundError(f"no tracefs at {' or '.join(map(str, ROOTS))}")


def where(pin_dir: Path) -> str:
    """`folder`, where the trace is read while it is recorded; empty: this host has no tracefs."""
    with suppress(FileNotFoundError):
        return str(folder(pin_dir))
    return ""


class TraceBuffer:
    """The instance; the leftover of a killed daemon is continued."""

    def __init__(self, pin_dir: Path, settings: Trace, logger: logging.Logger) -> None:
        self._pin_dir = pin_dir
        self._cpu_kib = max(_LEAST_KIB, int(settings.buffer_mb * 1024 / (os.cpu_count() or 1)))
        self._logger = logger
        self._instance: Path | None = None
        self._enabled_for = 0
        self._warn_once = WarnOnce(logger)

    @property
    def is_recording(self) -> bool:
        return self._enabled_for != 0

    def counters(self) -> dict[str, int]:
        """For the heartbeat."""
        return {"trace_recording": int(self.is_recording)}

    def tick(self) -> None:
        """Make the instance, and switch its events on once the cifs module is there."""
        try:
            self._instance = self._instance or self._make()
            loaded = 0
            with suppress(FileNotFoundError):
                loaded = MODULE.stat().st_ino  # another after each load
            if loaded not in (0, self._enabled_for):
                (self._instance / _EVENTS).write_text("1")
            self._enabled_for = loaded
        except OSError as error:
            self._warn_once(f"the cifs client cannot be traced: {error}")

    def close(self) -> None:
        """Remove the instance with all that it holds."""
        if self._instance is not None:
            remove(self._pin_dir, self._logger)
            self._instance, self._enabled_for = None, 0

    def _make(self) -> Path:
        instance = folder(self._pin_dir)
        with suppress(FileExistsError):
            instance.mkdir(0o700)
        (instance / "buffer_size_kb").write_text(str(self._cpu_kib))
        (instance / "options" / "overwrite").write_text("1")
        clock = instance / "trace_clock"
        if "[mono]" not in clock.read_text():  # setting it empties the buffer, even to the same
            clock.write_text("mono")
        return instance


def remove(pin_dir: Path, logger: logging.Logger) -> None:
    """Remove a daemon's instance, if there is one."""
    try:
        folder(pin_dir).rmdir()
    except FileNotFoundError:
        return
    except OSError as error:  # busy: somebody reads it
        logger.warning("the trace instance stays: %s", error)
