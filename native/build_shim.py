"""Make the C source of the extension module `aod._native` from the shim's one header.

cffi reads C declarations, but no preprocessor lines: the C compiler expands `aod.h` (with AOD_CDEF,
which leaves the includes of the system out), so the header stays the only declaration.
"""

import subprocess
import sys
from pathlib import Path

import cffi

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build" / "native" / "_native.c"


def declarations() -> str:
    """`aod.h` and what it includes, as cffi's parser takes it."""
    header = ROOT / "native" / "aod.h"
    command = ["cc", "-E", "-P", "-DAOD_CDEF", f"-I{ROOT / 'ebpf'}", str(header)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def emit() -> Path:
    """Write the source where pyproject.toml expects it; unchanged text keeps its time."""
    builder = cffi.FFI()
    builder.cdef(declarations())
    builder.set_source("aod._native", '#include "aod.h"')
    SOURCE.parent.mkdir(parents=True, exist_ok=True)
    builder.emit_c_code(str(SOURCE))
    return SOURCE


if __name__ == "__main__":
    sys.stdout.write(f"{emit()}\n")
