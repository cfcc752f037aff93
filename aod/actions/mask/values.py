"""Where the value behind a name ends: at a comma, a blank, a quote, or a NUL.

All patterns are for lower case. None goes back over what it has taken: the time is in proportion to
the text."""

import re
from collections.abc import Iterator
from typing import Final

from aod.actions.mask.options import is_known

_QUOTED: Final = rb"\$?(?:\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
QUOTED: Final = _QUOTED + rb"(?:" + _QUOTED + rb"|\\['\"])*"
"""In quotes; also pieces one after the other, as a shell reads them: `'it'\\''s'`."""
_REST: Final = rb"(?:(?![\s\0,;)\]}>&|])(?:,,|\\.|[^,\s\0])*)?"
_TO: Final = {
    b"": rb"\\.|[^\0\n\\",
    b'"': rb"\\.|[^\0\n\\\"",
    b"'": rb"\\[^'\n]|[^\0\n\\'",
    b"\\": rb"\\+(?![\\\"'])|[^\0\n\\\"'",
}
"""Letters of a value, by the quote around it (a backslash: one that is escaped itself); to this the
rule adds the signs at which a value of its own ends."""
_OPTION: Final = {
    quote: re.compile(rb"(?:,,|" + letter + rb",\s])+") for quote, letter in _TO.items()
} | {b"": re.compile(rb"(?:" + QUOTED + _REST + rb"|(?:,,|" + _TO[b""] + rb",\s])+)")}
"""In an option list, where a comma that is doubled belongs to the value."""
_OPTION_WITH_BLANKS: Final = {
    quote: re.compile(rb"(?:,,|" + letter + rb",])+") for quote, letter in _TO.items()
}
"""The same where nothing but a quote or a NUL ends the list."""
_WHOLE_LIST: Final = {
    quote: re.compile(rb"(?=,)(?:" + letter + rb"\s])+") for quote, letter in _TO.items()
}
_LIST_WITH_BLANKS: Final = {
    quote: re.compile(rb"(?=,)(?:" + letter + rb"])+") for quote, letter in _TO.items()
}
_WORD: Final = {
    quote: re.compile(rb"(?:" + QUOTED + rb"|(?:" + letter + rb"\s])+)")
    for quote, letter in _TO.items()
} | {b"": re.compile(rb"(?:" + QUOTED + rb"|[^\s\0]++)")}
_INSIDE: Final = {quote: re.compile(rb"(?:" + letter + rb"])+") for quote, letter in _TO.items()}
_ITEM: Final = re.compile(rb"[bu]?" + QUOTED + rb"|(?:\\.|[^\s\0,}\\])+")
_LINE: Final = re.compile(rb"[^\n\0]++")
_ELEMENT: Final = re.compile(rb"[^<\n]++(?=<)")
_LIST: Final = re.compile(rb"[a-z0-9_.-]+[=,]")
_PART: Final = re.compile(rb",([a-z0-9_.-]++(?:=|(?=[,\s]|$)))")
_MORE_WORDS: Final = re.compile(
    rb"(?: [^\s,=/-][^\s,=]*+){1,8}(?=,([a-z0-9_.-]++(?:=|(?=[,\s]|$))))"
)
"""What follows a blank that nobody quoted, up to the next part of the list."""
_NESTED: Final = re.compile(rb"[\"'](?![\s,;}\])]|$)")
"""A value in the same quotes as what is around it, whose escapes are gone."""
_OPENERS: Final = b" \t\0=([{,:\\>$"
_LOOK_BACK_BYTES: Final = 1 << 10


class Around:
    """What stands before a value: the quote that was opened, the NUL between two arguments."""

    __slots__ = ("is_argument", "is_list", "quote")

    def __init__(self, low: bytes, at: int) -> None:
        """Of a name at this place of the text."""
        first = max(0, at - _LOOK_BACK_BYTES)
        first = low.rfind(b"\n", first, at) + 1 or first
        self.is_argument = low.find(b"\0", first, at) >= 0
        self.quote, self.is_list = b"", self.is_argument
        opened = max(low.rfind(b'"', first, at), low.rfind(b"'", first, at))
        if opened >= first and _opens(low, opened, first):
            is_escaped = opened > first and low[opened - 1 : opened] == b"\\"
            self.quote = b"\\" if is_escaped else low[opened : opened + 1]
            self.is_list = self.is_argument or bool(_LIST.match(low, opened + 1))


def _opens(low: bytes, at: int, first: int) -> bool:
    """Whether this quote begins a word; what follows an even number of them is in none."""
    before = at == first or low[at - 1] in _OPENERS
    return before and low[at + 1 : at + 2] not in (b" ", b",", b"")


def option(low: bytes, at: int, around: Around) -> int:
    """The end of an option's value; `at` if there is none."""
    if around.quote and _NESTED.match(low, at):
        around.quote = b""
    patterns = _OPTION_WITH_BLANKS if around.is_list else _OPTION
    if not around.quote and low[at : at + 1] in (b'"', b"'") and not _closed(low, at):
        return _next_option(low, at)
    found = patterns[around.quote].match(low, at)
    if not found:
        return at
    more = None if around.is_list else _MORE_WORDS.match(low, found.end())
    return more.end() if more and is_known(more[1]) else found.end()


def _closed(low: bytes, at: int) -> bool:
    end = low.find(b"\n", at)
    return low.find(low[at : at + 1], at + 1, len(low) if end < 0 else end) >= 0


def _next_option(low: bytes, at: int) -> int:
    """A password that begins with a quote: to the next option that is known."""
    found = _LINE.match(low, at)
    end = found.end() if found else at
    for part in _PART.finditer(low, at, end):
        if is_known(part[1]):
            return part.start()
    return end


def options(low: bytes, at: int, around: Around) -> int:
    """The end of a list of options that goes on here."""
    pattern = _LIST_WITH_BLANKS if around.is_list else _WHOLE_LIST
    found = pattern[around.quote].match(low, at)
    return found.end() if found else at


def unknown_parts(low: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """What follows a password in its list of options and is no option: with the comma before it
    where nothing else stands between."""
    is_next = True
    for part in low[at + 1 : end].split(b",") if end > at else ():
        part_end = at + 1 + len(part)
        if not part or is_known(part):
            is_next = False
        else:
            yield at + (not is_next), part_end
        at = part_end


def word(low: bytes, at: int, around: Around) -> int:
    """The end of a word of a command line."""
    if around.is_argument:
        return inside(low, at, around) if around.quote else line(low, at)
    found = _WORD[around.quote].match(low, at)
    return found.end() if found else at


def inside(low: bytes, at: int, around: Around) -> int:
    """To the quote that was opened; without one, the end of the word."""
    if not around.quote:
        return word(low, at, around)
    found = _INSIDE[around.quote].match(low, at)
    return found.end() if found else at


def item(low: bytes, at: int) -> int:
    """The end of a value of JSON, or of what a program prints of a table of its own."""
    found = _ITEM.match(low, at)
    return found.end() if found else at


def line(low: bytes, at: int) -> int:
    """The end of the line, or of the argument before a NUL."""
    found = _LINE.match(low, at)
    return found.end() if found else at


def element(low: bytes, at: int) -> int:
    """The end of the text of an XML element."""
    found = _ELEMENT.match(low, at)
    return found.end() if found else at
