"""What every call into the shim needs: an errno becomes an exception that says what libbpf said."""

import os

from aod._native import ffi, lib


class TracerError(OSError):
    """The kernel refused something; `args` are (errno, what was tried and what libbpf said)."""


def messages() -> str:
    """What libbpf has said since the last call."""
    text = ffi.new("char[16384]")
    lib.aod_messages(text, 16384)
    return ffi.string(text).decode(errors="replace").strip()


def check(result: int, what: str) -> int:
    """The result, or the exception that its negative errno stands for.

    Raises:
        TracerError: the result is negative.
    """
    if result >= 0:
        return result
    said = messages()
    detail = f"{what}: {os.strerror(-result)}" + (f"\n{said}" if said else "")
    raise TracerError(-result, detail)
