"""Passwords and the like are masked in everything that goes into a bundle."""

import re
from typing import Final

_MASK: Final = rb"***"
# A value ends at a comma or white space; a comma in a password is written twice in mount options.
_ASSIGNED: Final = re.compile(
    rb"(?<![a-z0-9])"
    rb"(pass(?:word|wd|phrase)?2?|cred(?:ential)?s?|secret|[a-z]*token)"
    rb"(\s?=\s?)"
    rb"(\"[^\"\n]*\"|(?:,,|[^,\s])+)",
    re.IGNORECASE,
)
_WORDS: Final = (b"pass", b"cred", b"secret", b"token")
_IN_URL: Final = re.compile(rb"(//[^/\s:@,]+:)[^@/\s]+(?=@)")
_LONGEST_LINE: Final = 1 << 16


def mask(text: bytes) -> bytes:
    """The text with the values of `password=`, `credentials=` and so on, and `//user:VALUE@host`,
    replaced by `***`."""
    lowered = text.lower()
    if any(word in lowered for word in _WORDS):  # ten times faster than letting the pattern search
        text = _ASSIGNED.sub(rb"\1\2" + _MASK, text)
    return _IN_URL.sub(rb"\1" + _MASK, text)


def mask_text(text: str) -> str:
    """`mask` for text that is already decoded."""
    return mask(text.encode(errors="surrogateescape")).decode(errors="replace")


class LineMask:
    """Masks a stream that arrives in pieces, so that no secret hides across two of them."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What can be passed on: the whole lines so far."""
        held = self._held + piece
        cut = held.rfind(b"\n") + 1
        if len(held) - cut > _LONGEST_LINE:  # no line any more: up to a place where a value ends
            cut = max(held.rfind(b","), held.rfind(b" ")) + 1 or len(held)
        self._held = held[cut:]
        return mask(held[:cut])

    def finish(self) -> bytes:
        """The last line, where it has no end."""
        held, self._held = self._held, b""
        return mask(held)
