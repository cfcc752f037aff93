"""What audit records write as hex: arguments and names that hold blanks, quotes or more than ASCII.

Source: the kernel's audit_log_untrustedstring (kernel/audit.c) and audit_log_execve_info."""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

_KEYS: Final = rb"proctitle|a\d+(?:\[\d+\])?|cmd|data|exe|name|comm|acct|cwd|key|path|vm|grp"
_HELD: Final = re.compile(rb"(?<![a-z0-9_])(" + _KEYS + rb")=((?:[0-9a-f]{2}){3,})(?![a-z0-9])")
_HINT: Final = b"audit"


class Hexed(NamedTuple):
    """A value in hex, and where its digits are."""

    start: int
    end: int
    key: bytes
    text: bytes


def held(text: bytes) -> Iterator[Hexed]:
    """The values of a text (lower case) that are in hex."""
    if _HINT in text:
        for match in _HELD.finditer(text):
            yield Hexed(*match.span(2), match[1], bytes.fromhex(match[2].decode()))


def as_lines(value: Hexed) -> bytes:
    """Its arguments as they would stand there without hex, a line each."""
    return b"\n".join(b'%b="%b"' % (value.key, one) for one in value.text.split(b"\0"))


def changed(value: Hexed, change: Callable[[bytes], bytes]) -> bytes:
    """The hex of its changed arguments."""
    made = (change(b'"%b"' % one)[1:-1] for one in value.text.split(b"\0"))
    return b"\0".join(made).hex().upper().encode()
