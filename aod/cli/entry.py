"""The commands' entry points.

While a command is being imported, Ctrl-C ends the process the hard way: an interrupt that Python
raises in the midst of an import is swallowed by some extension modules, and they would go on.
SIGUSR1, which asks a running daemon for a snapshot, ends none of them at any moment.
"""

import os
import signal
from importlib import import_module


def _run(command: str) -> int:
    # numpy's BLAS, which nobody here asks for anything, would start a thread a processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    module = import_module(f"aod.cli.{command}")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status: int = module.main()
    return status


def supervisor() -> int:
    """aod-supervisor."""
    return _run("supervisor")


def stage() -> int:
    """aod-stage."""
    return _run("stage")


def aod() -> int:
    """aod."""
    return _run("aod")
