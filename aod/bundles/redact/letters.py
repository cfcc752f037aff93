"""Letters that differ and are the same: capitals of any alphabet, and accents in one or two."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_CAPITALS: Final = re.compile(
    rb"[\xc3-\xd6][\x80-\xbf]|\xe1[\xb8-\xbf][\x80-\xbf]|\xef\xbc[\xa1-\xba]"
)
"""UTF-8 of the letters beyond ASCII that have small ones of the same length."""
_ESCAPED: Final = re.compile(
    rb"[\\%](?:(?<=%)|\\{0,3}x|\\{0,3}(?=3))"
    rb"(?P<first>3[0-3][0-7]|[cd][0-9a-f])(?P<between>\\{1,4}x?|%)(?P<second>2[0-7]{2}|[89ab][0-9a-f])"
    rb"|\\u(?P<code>0[0-5][0-9a-f]{2})"
)
"""The same in octal, in hex, in URLs and in JSON."""


def lowered(text: bytes) -> bytes:
    """The text in small letters, those in escapes, too; each byte stays where it was."""
    small = text.lower()
    if not small.isascii():
        small = _CAPITALS.sub(lambda match: _small(match[0]), small)
    if b"\\" in small or b"%" in small:
        small = _ESCAPED.sub(_small_escape, small)
    return small


@lru_cache(maxsize=1 << 10)
def _small(letter: bytes) -> bytes:
    small = letter.decode(errors="replace").lower().encode()
    return small if len(small) == len(letter) else letter


def _small_escape(match: re.Match[bytes]) -> bytes:
    first, between, second, code = match.group("first", "between", "second", "code")
    if code:
        small = ord(chr(int(code, 16)).lower()[0])
        return b"\\u%04x" % small if small <= 0xFFFF else match[0]
    base, form = (8, b"%03o") if len(first) == 3 else (16, b"%02x")
    if len(second) != len(first):
        return match[0]
    made = _small(bytes((int(first, base), int(second, base))))
    begin = match[0][: match.start("first") - match.start()]
    return begin + form % made[0] + between + form % made[1]


def composed(name: bytes) -> bytes:
    """A name in the one form that all its spellings have in common: small, and accents composed
    (Unicode's NFC: macOS and Samba's clients write them decomposed)."""
    small = lowered(name)
    return small if small.isascii() else lowered(_normal("NFC", small))


def variants(name: bytes) -> tuple[bytes, ...]:
    """A composed name as its accents may be written, and its letters that have no capitals."""
    if name.isascii():
        return (name,)
    text = name.decode(errors="surrogateescape")
    written = [one.encode(errors="surrogateescape") for one in (text, text.casefold())]
    return tuple(dict.fromkeys(_normal(form, one) for one in written for form in ("NFC", "NFD")))


def _normal(form: str, name: bytes) -> bytes:
    text = name.decode(errors="surrogateescape")
    return unicodedata.normalize(form, text).encode(errors="surrogateescape")  # type: ignore[arg-type]
