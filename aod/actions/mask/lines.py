"""Which lines are looked at, and all the secrets in some lines."""

from collections.abc import Iterable, Iterator
from typing import Final

from aod.actions.mask import audit, lists, places
from aod.actions.mask.views import Span, View, unescape
from aod.actions.mask.words import Words

MASK: Final = b"***"
_WORDS: Final = Words((*places.WORDS, *audit.WORDS), but=rb"credit|keyring|key(?<=publickey)")
"""Each line of the client's trace has `credits`, each logon by ssh `publickey`."""
_MOST_ESCAPES_WITHIN: Final = 4


def masked(text: bytes, more: Iterable[Span] = ()) -> bytes:
    """Whole lines, with `***` for each secret in them; `more` are known already."""
    looked_at = View()
    for start, end in _WORDS.runs(text.lower()):
        looked_at.add(text[start : end + 1], start, min(end + 1, len(text)))
    return replaced(text, [*more, *looked_at.back(secrets(looked_at.text))])


def secrets(text: bytes) -> list[Span]:
    """All that is found, in no order; parts of it may overlap."""
    return list(_found(text, 0))


def replaced(text: bytes, spans: Iterable[Span]) -> bytes:
    """The text with what is to stand there instead of each span."""
    parts: list[bytes] = []
    done = 0
    for start, end, instead in joined(spans):
        parts += text[done:start], instead
        done = end
    return b"".join((*parts, text[done:]))


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """In order, those that overlap or meet in one."""
    last: Span | None = None
    for span in sorted(spans):
        if last and span[0] <= last[1]:
            last = (last[0], max(last[1], span[1]), last[2])
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def _found(text: bytes, depth: int) -> Iterator[Span]:
    low = text.lower()
    for rule in places.RULES:
        if any(word in low for word in rule.words):
            yield from ((start, end, MASK) for start, end in rule.find(text, low))
    if any(word in low for word in audit.WORDS):
        yield from _within(audit.arguments(text), depth)
    yield from _within(lists.arguments(text), depth)
    if depth < _MOST_ESCAPES_WITHIN:
        yield from _within(unescape(text), depth)


def _within(view: View | None, depth: int) -> Iterable[Span]:
    return view.back(_found(view.text, depth + 1)) if view else ()
