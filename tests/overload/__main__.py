"""python -m tests.overload [CASE ...]: as long as the issue asks for; see `make overload`."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.overload import cases, incident
from tests.overload.cases import Seen
from tests.overload.cgroup import NoMemoryControllerError
from tests.rig.ring import SHARED_MEMORY, own_pin_dir

CASES: Final[dict[str, tuple[Callable[[Path, Path, float], Seen], float]]] = {
    "detect_stopped": (cases.detect_stopped, 10),
    "capture_stopped": (cases.capture_stopped, 60),
    "disk_full": (cases.disk_full, 10),
    "little_memory": (cases.little_memory, 10),
    "long_incident": (incident.long_incident, 600),
}


def main() -> int:
    for name in sys.argv[1:] or CASES:
        case, seconds = CASES[name]
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
            try:
                seen = case(Path(folder), own_pin_dir(), seconds)
            except NoMemoryControllerError as error:
                print(f"{name}: skipped, {error}")
                continue
        print(f"{name}: held, {time.monotonic() - began:.0f} s")
        print(render(seen), flush=True)
    return 0


def render(seen: Seen) -> str:
    """For a person."""
    lines = [f"  operations {seen.emitted.total:,}, dropped and counted {seen.emitted.dropped:,}"]
    lines += [f"  {what}: {count:,}" for what, count in seen.figures.items()]
    for name, one in seen.peaks.items():
        before, peak = one.before / 1e6, one.peak / 1e6
        lines.append(f"  {name:<11}resident, MB: {before:6.1f} before, {peak:6.1f} at the peak")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
