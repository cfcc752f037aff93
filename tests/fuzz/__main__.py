"""`make fuzz`: each target for FUZZ_SEC seconds (default 600), one line each; exits 1 if one fails.

A target of C is a program of libFuzzer's, built with sanitizers; one of Python is a module with a
function `one`, which atheris drives. Both take libFuzzer's options and the corpus in tests/fuzz.
"""

import os
import sys

from tests.fuzz.targets import TARGETS, build, fuzz


def main() -> int:
    seconds = int(os.environ.get("FUZZ_SEC", "600"))
    build()
    failed = False
    for name in sys.argv[1:] or TARGETS:
        result = fuzz(name, f"-max_total_time={seconds}", keep=True)
        print(result.line(), flush=True)
        failed |= result.failed
        if result.failed:
            print(result.output, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
