"""Values behind what secrets are called: `password=x`, `"token": "x"`, `--secret x`, `<pass>x<`."""

import re
from collections.abc import Iterator
from typing import Final

from aod.actions.mask import values
from aod.actions.mask.values import Around

WORDS: Final = (b"pass", b"cred", b"secret", b"token", b"key", b"pw")
"""One of them is in each name of a secret."""
_HIT: Final = re.compile(
    rb"(pass(?:word|wd|phrase|in|out)?|pwd?|credentials?|creds?|secret|token|key)"
    rb"(?:[_-]?[0-9]+)?(?=[ \t\0\"'=:,;>\]])"
    rb"(?:(?P<arrow>[\"'\]]?[ \t]*=>[ \t]*)"
    rb"|(?P<equals>[ \t]*=(?!>|=[ \t])[ \t]*)"
    rb"|(?P<item>[\"'][ \t]*[:=][ \t]*)"
    rb"|(?P<colon>[ \t]?::?(?!//)[ \t]*)"
    rb"|(?P<pair>[\"',; \t]{1,9}(?:and )?value[\"']?[ \t]*[:=][ \t]*)"
    rb"|(?P<listed>[\"'][ \t]*,[ \t]*(?=[\"']))"
    rb"|(?P<element>>)"
    rb"|(?P<blank>[ \t\0]+(?![-\s])))"
)
_WHOSE_KEY: Final = re.compile(
    rb"(?:access|account|api|storage|shared|secret|private|encryption|master|primary|secondary"
    rb"|subscription)[_-]?$"
)
_SHORT: Final = frozenset((b"pass", b"passin", b"passout", b"pw", b"pwd", b"cred", b"creds"))
"""They are in other words, too: `compass`, `credit`."""
_OF_MOUNTS: Final = frozenset((b"pass", b"password", b"passwd"))
_OPTION_OF_PROGRAM: Final = re.compile(
    rb"(?<![^\s\0\"',=(\[])--?(?!(?:no|ask|without|prompt|use|has)-)(?:[a-z0-9]+[_-])*$"
)
_KEY_OF_YAML: Final = re.compile(rb"[ \t]*(?:- )?[a-z0-9_.-]*$")
_WHOLE_ASSIGNMENT: Final = re.compile(rb"[\"'][a-z0-9_]*$")
_LINE_OF_ENVIRONMENT: Final = re.compile(rb"[ \t]*(?:export[ \t]+)?[A-Z0-9_]*$")
PROSE: Final = re.compile(
    rb"(?:(?:accepted|account|and|as|auth|authentication|bad|bucket|cannot|changed|chauthtok|check"
    rb"|compat|could|created|deleted|denied|does|empty|error|expired|expires|expiring|fail|failed"
    rb"|failure|files|for|found|from|has|in|incorrect|invalid|is|issued|key|keys|length|mismatch"
    rb"|missing|must|needed|new|no|none|not|null|of|ok|old|on|or|password|prompt|received|refcount"
    rb"|refresh|refreshed|rejected|removed|renewed|required|reset|revoked|session|set|sss|success"
    rb"|successful|systemd|the|to|token|type|unchanged|unknown|unset|updated|user|valid|was|will"
    rb"|with|wrong|yes)(?![a-z0-9_@#$%&*!+/=-])"
    rb"|\([a-z ]+\)|[0-9]{1,3}(?![^\s,;])|[^\s]{1,40}:(?=\s|$))"
)
"""What follows `token:` or `passwd:` in a sentence, or in the counts of a test's run."""
_COUNT: Final = re.compile(rb"[0-9]{1,3}(?![^\s,;])")
_LOOK_BACK_BYTES: Final = 64


def find(text: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    """The values in some lines; `low` is the same in lower case."""
    at = listed = 0
    while found := _HIT.search(low, at):
        at = found.end()
        hit = _Hit(text, low, found)
        end = hit.end() if hit.is_secret() else at
        if end > at:
            yield at, end
            if hit.around and found.start() >= listed:  # each list once
                listed = values.options(low, end, hit.around)
                yield from values.unknown_parts(low, end, listed)
            at = end
        else:
            at = max(found.end(1), at - 1)


class _Hit:
    """A name, and what joins it to its value."""

    __slots__ = ("_joint", "_low", "_name", "_start", "_text", "_value", "around")

    def __init__(self, text: bytes, low: bytes, found: re.Match[bytes]) -> None:
        self._text, self._low = text, low
        self._name = found[1]
        self._start, self._value = found.start(), found.end()
        self._joint: str = found.lastgroup or ""
        self.around: Around | None = None
        """Of a password in a list of mount options, once its end is known."""

    def is_secret(self) -> bool:
        """Whether what is called so is one: no `compass`, no other key than those of accounts."""
        text, low, at = self._text, self._low, self._start
        if self._name == b"key":
            whose = _WHOSE_KEY.search(low, max(0, at - _LOOK_BACK_BYTES), at)
            return bool(whose) or (at > 0 and text[at - 1 : at + 3] == b"_KEY")
        if self._name not in _SHORT:
            return True
        before = text[at - 1 : at] if at else b""
        is_hump = before.islower() and text[at : at + 1].isupper()
        return not before.isalnum() or is_hump or low[max(0, at - 3) : at] == b"ssh"

    def end(self) -> int:
        """Where the value ends; where it begins if it is no secret."""
        low, at = self._low, self._value
        match self._joint:
            case "equals":
                return self._assigned()
            case "arrow" | "item" | "pair":
                is_array = self._joint == "arrow" and low.startswith(b"array", at)
                return at if is_array else values.item(low, at)
            case "colon":
                is_prose = self._name in (b"cred", b"creds") or PROSE.match(low, at)
                if is_prose or self._is_path():
                    return at
                return self._of_yaml() if self._begins_line() else self._word()
            case "element":
                return values.element(low, at)
            case _:
                return self._word() if self._is_option_of_program() else at

    def _assigned(self) -> int:
        low, at = self._low, self._value
        spaced = low[at - 1 : at] in (b" ", b"\t")
        if self._is_path() or (spaced and self._name == b"token" and _COUNT.match(low, at)):
            return at
        if self._text[self._start : self._start + len(self._name)].isupper():
            return values.line(low, at) if self._is_line_of_environment() else self._of_shell()
        if self._is_option_of_program():
            return self._word()
        around = Around(low, self._start)
        end = values.option(low, at, around)
        if end > at and self._name in _OF_MOUNTS:
            self.around = around
        return end

    def _word(self) -> int:
        return values.word(self._low, self._value, Around(self._low, self._start))

    def _of_shell(self) -> int:
        """In `"PASSWORD=a b"` the quote is around the assignment: of units, shells, `docker -e`."""
        first = max(0, self._start - _LOOK_BACK_BYTES)
        around = Around(self._low, self._start)
        if around.quote and _WHOLE_ASSIGNMENT.search(self._low, first, self._start):
            return max(self._word(), values.inside(self._low, self._value, around))
        return self._word()

    def _of_yaml(self) -> int:
        """A value of several words that nobody quoted: to the end of its line."""
        is_quoted = self._low[self._value : self._value + 1] in (b'"', b"'")
        return self._word() if is_quoted else values.line(self._low, self._value)

    def _begins_line(self) -> bool:
        first = max(0, self._start - _LOOK_BACK_BYTES)
        begin = self._low.rfind(b"\n", first, self._start) + 1
        is_whole = bool(begin) or not first
        return is_whole and bool(_KEY_OF_YAML.match(self._low, begin, self._start))

    def _is_path(self) -> bool:
        """The working directory, which sudo and shells call so."""
        return self._name in (b"pw", b"pwd") and self._low[self._value : self._value + 1] == b"/"

    def _is_option_of_program(self) -> bool:
        first = max(0, self._start - _LOOK_BACK_BYTES)
        return bool(_OPTION_OF_PROGRAM.search(self._low, first, self._start))

    def _is_line_of_environment(self) -> bool:
        first = max(0, self._start - _LOOK_BACK_BYTES)
        begin = self._text.rfind(b"\n", first, self._start) + 1
        if not begin and first:
            return False
        return bool(_LINE_OF_ENVIRONMENT.match(self._text, begin, self._start))
