"""Letters that differ and are the same: capitals of any alphabet, and accents in one or two."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_CAPITALS: Final = re.compile(
    rb"[\xc3-\xd6][\x80-\xbf]|\xe1[\xb8-\xbf][\x80-\xbf]|\xef\xbc[\xa1-\xba]"
)
"""UTF-8 of the letters beyond ASCII that have small ones of the same length."""


def lowered(text: bytes) -> bytes:
    """The text in small letters; each byte stays where it was."""
    small = text.lower()
    return small if small.isascii() else _CAPITALS.sub(lambda match: _small(match[0]), small)


@lru_cache(maxsize=1 << 10)
def _small(letter: bytes) -> bytes:
    small = letter.decode(errors="replace").lower().encode()
    return small if len(small) == len(letter) else letter


def composed(name: bytes) -> bytes:
    """A name in the one form that all its spellings have in common: small, and accents composed
    (Unicode's NFC: macOS and Samba's clients write them decomposed)."""
    small = lowered(name)
    return small if small.isascii() else lowered(_normal("NFC", small))


def variants(name: bytes) -> tuple[bytes, ...]:
    """A composed name as capitals, small letters and accents may be written."""
    if name.isascii():
        return (name,)
    text = name.decode(errors="surrogateescape")
    cases = (text, text.upper(), text.title(), text.casefold())
    written = [one.encode(errors="surrogateescape") for one in cases]
    return tuple(dict.fromkeys(_normal(form, one) for one in written for form in ("NFC", "NFD")))


def _normal(form: str, name: bytes) -> bytes:
    text = name.decode(errors="surrogateescape")
    return unicodedata.normalize(form, text).encode(errors="surrogateescape")  # type: ignore[arg-type]
