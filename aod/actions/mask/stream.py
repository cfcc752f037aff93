"""Text that arrives in pieces: no secret hides across two of them."""

from collections.abc import Iterable
from typing import Final

from aod.actions.mask import lines
from aod.actions.mask.continued import Continued
from aod.actions.mask.views import Span

_LONGEST_LINE: Final = 1 << 14
"""What is longer is passed on before its end is there: it may have none."""
_BEGINNING_BYTES: Final = 64
"""Of a secret whose end is not there yet, so much is kept to know it by."""


def mask(text: bytes) -> bytes:
    """The text with what is a secret by its name, its place or its form replaced by `***`."""
    masker = LineMask()
    return masker.whole(text)


def mask_text(text: str) -> str:
    """`mask` for text that is already decoded."""
    return mask(text.encode(errors="surrogateescape")).decode(errors="replace")


class LineMask:
    """Masks a stream that arrives in pieces: whole lines, and long ones bit by bit."""

    def __init__(self) -> None:
        self._held = b""
        self._before = b""
        self._continued = Continued()

    def feed(self, piece: bytes) -> bytes:
        """What can be passed on: the whole lines so far, and what is known of a long one."""
        held = self._held + piece
        cut = held.rfind(b"\n") + 1
        whole, self._held = self._lines(held[:cut]), held[cut:]
        return whole + self._part() if len(self._held) > _LONGEST_LINE else whole

    def finish(self) -> bytes:
        """The last line, where it has no end."""
        held, self._held = self._held, b""
        return self._lines(held)

    def whole(self, text: bytes) -> bytes:
        """These lines, all at once."""
        spans: list[Span] = []
        for view in self._continued.views(text):
            spans += view.back(lines.secrets(view.text))
        return lines.masked(text, spans)

    def _lines(self, text: bytes) -> bytes:
        if not self._before or not text:
            return self.whole(text)
        end = text.find(b"\n") + 1 or len(text)
        before, self._before = self._before, b""
        spans = lines.joined(lines.secrets(before + text[:end]))
        return _after(before, text[:end], spans) + self.whole(text[end:])

    def _part(self) -> bytes:
        """All but the end of the line so far, which may be the beginning of a secret."""
        before, text = self._before, self._before + self._held
        kept = _LONGEST_LINE // 4
        cut, keep_from, keep_to = len(text) - kept, len(text) - 2 * kept, len(text) - kept
        spans = list(lines.joined(lines.secrets(text)))
        for start, end, _ in spans:
            if start < cut < end:
                cut = keep_to = end
                keep_from = end - kept
                if end == len(text):
                    keep_from, keep_to = start - kept, start + _BEGINNING_BYTES
        self._before = text[max(0, keep_from) : keep_to]
        self._held = text[cut:]
        return _after(before, text[len(before) : cut], spans)


def _after(before: bytes, text: bytes, spans: Iterable[Span]) -> bytes:
    """The text behind another, of both of which these are the secrets."""
    done = len(before)
    inside = (
        (max(0, start - done), end - done, instead) for start, end, instead in spans if end > done
    )
    return lines.replaced(text, (span for span in inside if span[0] < len(text)))
