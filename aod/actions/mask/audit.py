"""The arguments in an audit record, where the kernel writes in hex whatever holds a blank, a quote
or a sign beyond ASCII (audit_log_untrustedstring in kernel/audit.c, audit_log_execve_info in
kernel/auditsc.c): with a NUL between two of them, as in a process's command line."""

import re
from typing import Final

from aod.actions.mask.views import View

WORDS: Final = (
    b"proctitle", b"execve", b"argc=", b"type=1309", b"cmd=", b"cmd\\", b"data=", b"data\\"
)  # fmt: skip
"""What stands in the records that hold command lines, and what was typed."""
_ARGUMENT: Final = re.compile(
    rb"(?<![^\s\0\"'(])(?:proctitle|cmd|data|a[0-9]{1,4})="
    rb"(?:\"([^\"\n]*)|((?:[0-9a-f]{2})+)(?![0-9a-z]))",
    re.IGNORECASE,
)
_IN_HEX: Final = 2


def arguments(text: bytes) -> View | None:
    """The records' arguments only, as they were before they were written; None without any."""
    view, end = View(), 0
    for found in _ARGUMENT.finditer(text):
        is_new_line = end and text.find(b"\n", end, found.start()) >= 0
        view.add(b"\n" if is_new_line else b"\0", end, found.start())
        kind = found.lastindex or 0
        view.add(plain(found[kind], is_hex=kind == _IN_HEX), *found.span(kind))
        end = found.end(kind)
    view.add_foreign(b"\0")
    return view if end else None


def plain(value: bytes, *, is_hex: bool) -> bytes:
    """An argument as it was; on one line."""
    return bytes.fromhex(value.decode()).replace(b"\n", b" ") if is_hex else value
