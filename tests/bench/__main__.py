"""`make bench`: measure, and print one line of JSON a figure.

Timings of a noisy machine decide nothing; where a figure has a target, the target is a ratio within
one run, or stands beside it for the reader. `python -m tests.bench NAME...` runs some of them.
"""

import json
import sys
from collections.abc import Callable, Iterator

from tests.bench import (
    detect,
    drain,
    evidence,
    footprint,
    masking,
    recorders,
    redaction,
    storm,
    throughput,
    trigger,
)

Figures = Iterator[dict[str, object]]

BENCHES: dict[str, Callable[[], Figures]] = {
    "drain": drain.figures,
    "detect": detect.figures,
    "throughput": throughput.figures,
    "trigger": trigger.figures,
    "evidence": evidence.figures,
    "footprint": footprint.figures,
    "masking": masking.figures,
    "redaction": redaction.figures,
    "storm": storm.figures,
    "recorders": recorders.figures,
}


def main(names: list[str]) -> None:
    """Run the named benches, or all."""
    for name in names or BENCHES:
        for figure in BENCHES[name]():
            print(json.dumps({"bench": name} | figure), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
