"""A failed call into the shim becomes an exception with the messages of libbpf."""

import os

from aod._native import ffi, lib

_MAX_BYTES = 16384


class TracerError(OSError):
    """The kernel refused something; `args` are (errno, what was tried and libbpf's messages)."""


def messages() -> str:
    """The messages of libbpf since the last call."""
    text = ffi.new("char[]", _MAX_BYTES)
    lib.aod_messages(text, _MAX_BYTES)
    return ffi.string(text).decode(errors="replace").strip()


def check(result: int, what: str) -> int:
    """The result of a call. Raises TracerError: the result is negative, an errno."""
    if result >= 0:
        return result
    detail = "\n".join(filter(None, (f"{what}: {os.strerror(-result)}", messages())))
    raise TracerError(-result, detail)
