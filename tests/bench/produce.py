"""python -m tests.bench.produce PIN_DIR RECORDS_PER_SECOND: the producer's own process."""

import sys
from pathlib import Path

from tests.bench.throughput import produce
from tests.kernel.producer import Producer

produce(Producer(Path(sys.argv[1])), int(sys.argv[2]))
