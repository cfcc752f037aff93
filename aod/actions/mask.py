"""Passwords, tokens and keys are masked in everything that goes into a bundle.

No pattern reaches beyond its line, so a stream may be masked line by line. Only lines that hold one
of a few words are looked at by patterns: the rest passes at the speed of a search. What stands
before a value is of limited length, or cannot begin within itself: else the time would grow with
the square of a line, and whoever writes to a log could hold up all captures."""

import re
from typing import Final

_MASK: Final = rb"\1***"
# Without a backslash: it is used in capitals, too.
_NAME: Final = (
    rb"(?:(?<![a-z0-9])(?:ssh)?pass|password|passwd|passphrase|(?<![a-z0-9])creds?|credentials?"
    rb"|secret|token|(?:access|account|api|storage|shared|secret|private|encryption)[_-]?key)"
    rb"[_-]?[0-9]*"
)
_QUOTED: Final = rb"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'"
_NAMES: Final = (b"pass", b"cred", b"secret", b"token", b"key")
"""One of them is in whatever _NAME matches."""


_Rule = tuple[tuple[bytes, ...], bytes, re.Pattern[bytes]]
"""One of these words, in lower case, and this mark are in every line that the pattern can match:
most lines need no pattern then."""


def _rule(
    words: tuple[bytes, ...], mark: bytes, before: bytes, value: bytes = rb"[^\s\0]+"
) -> _Rule:
    """What comes before a value (NAME stands for what secrets are called), and the value: quoted,
    or as `value` says."""
    text = rb"(" + before.replace(b"NAME", _NAME) + rb")(?:" + _QUOTED + rb"|" + value + rb")"
    return words, mark, re.compile(text, re.IGNORECASE)


def _capitals(before: bytes, value: bytes) -> _Rule:
    return _NAMES, b"=", re.compile(rb"(" + before + _NAME.upper() + rb"=)" + value)


_RULES: Final = (
    # A line of an environment; the same within a line. Who writes in capitals doubles no comma.
    _capitals(rb"^[ \t]*(?:export[ \t]+)?[A-Z0-9_]*", rb"[^\n]+"),
    _capitals(rb"", rb"(?:" + _QUOTED + rb"|[^\s\0]+)"),
    # Options of programs: --password x, --client-secret=x, -pass pass:x; but not --no-password.
    _rule(
        _NAMES,
        b"-",
        rb"-(?<![^\s\0\"']-)-?(?!(?:no|ask|without|prompt|use|has)-)(?:[a-z0-9]+-)*"
        rb"(?:NAME|passin|passout)(?:=|[ \t\0]+(?!-))",
    ),
    # Mount options, where a value ends at a comma unless that is doubled; `key = value` in files.
    _rule(_NAMES, b"=", rb"NAME[ \t]*=[ \t]*", rb"(?:,,|[^,\s\0])+"),
    # JSON and YAML, and what programs print.
    _rule(_NAMES, b'"', rb"\"[^\"\n]{0,40}NAME\"[ \t]*:[ \t]*", rb"[^\s\0,}]+"),
    _rule(_NAMES, b"'", rb"'[^'\n]{0,40}NAME'[ \t]*:[ \t]*", rb"[^\s\0,}]+"),
    _rule((b"pass",), b":", rb"pass(?:word|wd|phrase)[ \t]?:[ \t]*"),
    # smbclient -U user%x, mount -o user=name%x.
    _rule(
        (b"%",),
        b"%",
        rb"(?:(?<![^\s\0])(?:-U|--user(?:name)?)[ \t\0=]*|(?<![a-z0-9])user(?:name)?=)"
        rb"[\"']?[^\s\0%,\"'=]+%",
        rb"[^\s\0,\"']+",
    ),
    # curl -u user:x; sshpass -px; mysql -px, but not mysql -p database: wherever in their lines.
    _rule(
        (b"curl",),
        b":",
        rb"(?<=[ \t\0])(?:-u|--user|--proxy-user)[ \t\0=]*[\"']?[^\s\0:\"']+:",
        rb"[^\s\0\"']+",
    ),
    _rule((b"sshpass",), b"-p", rb"\bsshpass[ \t\0]+-p[ \t\0]*"),
    _rule((b"mysql", b"mariadb"), b"-p", rb"(?<=[ \t\0])-p"),
    # HTTP headers, tokens that are known by their form, signatures in links, users of links.
    _rule(
        (b"authorization",),
        b"",
        rb"authorization[\"']?[ \t]*[:=][ \t]*[\"']?"
        rb"(?:bearer|basic|digest|negotiate|ntlm|token|sharedkey|aws4)[a-z0-9-]*[ \t]+",
        rb"[^\n\"']+",
    ),
    _rule(
        (b"token", b"key", b"cookie"),
        b":",
        rb"(?:\bx-[a-z-]{0,64}?(?:token|key)|\b(?:set-)?cookie)[ \t]*:[ \t]*",
        rb"[^\n\"']+",
    ),
    _rule((b"bearer",), b"", rb"\bbearer[ \t]+", rb"[a-z0-9._~+/=-]{16,}"),
    _rule((b"eyj",), b".", rb"\b(?=(?-i:eyJ)[a-z0-9_-]{8,1024}+\.)", rb"[a-z0-9_.-]+"),
    _rule((b"sig=",), b"", rb"(?<![a-z0-9])sig=", rb"[^&\s\0\"',;]{16,}"),
    _rule((b"@",), b"//", rb"//[^/\s\0:@,]*:", rb"[^/\s\0]+(?=@)"),
)
_WORDS: Final = tuple(dict.fromkeys(word for words, _, _ in _RULES for word in words))
_HARMLESS: Final = {b"cred": b"it"}
"""What makes another word of it: each line of the client's trace has `credits`."""
_DANGLING: Final = re.compile(
    rb"(?:pass|cred|secret|token|key|user|-u|-p|bearer|authorization|cookie)[^\s,]{0,200},{0,2}"
    rb"[\s=:]{0,9}$",
    re.IGNORECASE,
)
"""The end of a text whose continuation may be a secret."""
_DANGLING_BYTES: Final = 256
_LONGEST_LINE: Final = 1 << 14
_MOST_CUTS: Final = 64


def mask(text: bytes) -> bytes:
    """The text with what is a secret by its name, its place or its form replaced by `***`."""
    lowered = text.lower()
    spans: set[tuple[int, int]] = set()
    for word in _WORDS:
        found = _find(lowered, word, 0)
        while found >= 0:
            end = lowered.find(b"\n", found)
            end = len(text) if end < 0 else end
            spans.add((lowered.rfind(b"\n", 0, found) + 1, end))
            found = _find(lowered, word, end)
    parts: list[bytes] = []
    done = 0
    for start, end in sorted(spans):
        parts += text[done:start], _mask_line(text[start:end], lowered[start:end])
        done = end
    return b"".join((*parts, text[done:]))


def _find(lowered: bytes, word: bytes, start: int) -> int:
    harmless = _HARMLESS.get(word)
    found = lowered.find(word, start)
    while harmless and found >= 0 and lowered.startswith(harmless, found + len(word)):
        found = lowered.find(word, found + len(word))
    return found


def _mask_line(line: bytes, lowered: bytes) -> bytes:
    for words, mark, pattern in _RULES:
        if mark in line and any(word in lowered for word in words):
            line = pattern.sub(_MASK, line)
    return line


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
            cut = _end_of_a_value(held)
        self._held = held[cut:]
        return mask(held[:cut])

    def finish(self) -> bytes:
        """The last line, where it has no end."""
        return mask(self._held)


def _end_of_a_value(text: bytes) -> int:
    """One of the last places where a line that is too long may be cut; its end if none is good."""
    cut = len(text)
    for _ in range(_MOST_CUTS):
        cut = max(text.rfind(b",", 0, cut - 1), text.rfind(b" ", 0, cut - 1)) + 1
        if not cut:
            break
        if not _DANGLING.search(text, max(0, cut - _DANGLING_BYTES), cut):
            return cut
    return len(text)
