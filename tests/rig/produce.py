"""python -m tests.rig.produce PIN_DIR RECORDS_PER_SECOND SECONDS LATENCY_NS: the producer's own
process. It emits CREATEs, numbered from 0."""

import sys
from pathlib import Path

from aod.smb.commands import Command
from tests.rig.producer import Producer

pin_dir, per_second, seconds, latency_ns = sys.argv[1:]
Producer(Path(pin_dir)).at_pace(
    int(per_second), float(seconds), latency_ns=int(latency_ns), command=Command.SMB2_CREATE
)
