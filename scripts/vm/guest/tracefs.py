"""The cifs client's own tracepoints, seen by the kernel's tracer: a witness beside the daemon."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

_INSTANCES: Final = Path("/sys/kernel/tracing/instances")
_BUFFER_KIB: Final = 8192
# task-pid [cpu] flags time: event: fields
_LINE: Final = re.compile(r"^.{16,}-\d+\s+\[\d+\] \S+ +(\d+\.\d+): (smb3_\w+): (.*)$")
_MID: Final = re.compile(r"\bmid=(\d+)")


class Trace:
    """The tracepoints that were hit inside the block of `traced`."""

    text: str = ""

    def counts(self) -> Counter[str]:
        """How often each was hit."""
        lines = map(_LINE.match, self.text.splitlines())
        return Counter(line[2] for line in lines if line)

    def ends(self) -> list[tuple[int, int]]:
        """Of each command that ended: when (ns, CLOCK_MONOTONIC, to the microsecond), its mid."""
        lines = filter(None, map(_LINE.match, self.text.splitlines()))
        ends = (line for line in lines if line[2] in ("smb3_cmd_done", "smb3_cmd_err"))
        return [
            (int(Decimal(line[1]) * 10**9), int(mid[1]))
            for line in ends
            if (mid := _MID.search(line[3]))
        ]


@contextlib.contextmanager
def traced(*events: str) -> Iterator[Trace]:
    """Trace these events of the cifs module (`smb3_reconnect`); the trace is there at the end."""
    instance = _INSTANCES / "lab"
    instance.mkdir()
    try:
        (instance / "trace_clock").write_text("mono")
        (instance / "buffer_size_kb").write_text(str(_BUFFER_KIB))
        for event in events:
            (instance / "events" / "cifs" / event / "enable").write_text("1")
        trace = Trace()
        yield trace
        trace.text = (instance / "trace").read_text()
    finally:
        instance.rmdir()
