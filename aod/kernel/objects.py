"""The eBPF objects, those installed or those that a test names, and what is fixed at load."""

import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

OBJECT_VARIABLE: Final = "AOD_BPF_OBJECT"
MID_RELEASE_VARIABLE: Final = "AOD_BPF_MID_RELEASE_OBJECT"


def program() -> bytes:
    """The eBPF object: the installed one, or the file that AOD_BPF_OBJECT names (for tests)."""
    return _object(OBJECT_VARIABLE, "smb.bpf.o")


def mid_release_program() -> bytes:
    """The object whose hooks see a mid released; AOD_BPF_MID_RELEASE_OBJECT="" (tests): none."""
    if os.environ.get(MID_RELEASE_VARIABLE) == "":
        return b""
    return _object(MID_RELEASE_VARIABLE, "mid_release.bpf.o")


def _object(variable: str, name: str) -> bytes:
    if override := os.environ.get(variable):
        return Path(override).read_bytes()
    return resources.files("aod").joinpath("bpf", name).read_bytes()


@dataclass(frozen=True)
class TracerSetup:
    """What is fixed when the programs are loaded."""

    pin_dir: Path
    ring_bytes: int
    max_inflight: int
    mid_release: bytes = b""
    """The second object, which `Tracer.attach_mid_release` loads; empty: it is not loaded."""
    beside: Path | None = None
    """The pins of the daemon: the processes that are marked there are marked here, too."""


def build_id(program: bytes, setup: TracerSetup) -> bytes:
    """A hash of the objects and sizes: an installation with the same one can be adopted."""
    sizes = f"{setup.ring_bytes} {setup.max_inflight}".encode()
    return hashlib.sha256(program + setup.mid_release + sizes).digest()
