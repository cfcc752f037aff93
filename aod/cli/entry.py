"""The commands' entry points.

While a command is being imported, Ctrl-C kills the process: some extension modules swallow an
interrupt that Python raises in the middle of an import. SIGUSR1, which asks a running daemon for a
snapshot, never ends a command."""

import os
import signal
from functools import partial
from importlib import import_module


def _run(command: str) -> int:
    # numpy's BLAS, which is not used here, would start a thread per processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    module = import_module(f"aod.cli.{command}")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return int(module.main())


supervisor = partial(_run, "supervisor")
stage = partial(_run, "stage")
aod = partial(_run, "aod")
