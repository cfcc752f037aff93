"""What a log says about itself: which of its lines it has not got.

Sources of the forms: systemd's journald ("Suppressed N messages from UNIT", "Missed N kernel
messages"), the kernel's lib/ratelimit.c ("FUNCTION: N callbacks suppressed"), rsyslog's imjournal
and imuxsock ("N messages lost due to rate-limiting")."""

import re
from collections import Counter
from typing import Final

_FORMS: Final = (
    (b"Suppressed", rb"Suppressed (?P<n>\d+) messages from (?P<who>[^\s,;]+)", "journald dropped"),
    (b"Missed", rb"Missed (?P<n>\d+) (?P<who>kernel) messages", "journald missed"),
    (b"callbacks", rb"(?P<who>\w+): (?P<n>\d+) callbacks suppressed", "the kernel dropped"),
    (b"lost due", rb"(?P<n>\d+) messages? lost due to rate-limiting(?P<who>)", "rsyslog dropped"),
)
_RULES: Final = tuple((word, re.compile(form), verb) for word, form, verb in _FORMS)
_MOST: Final = 4
"""Named one by one, those with the most lines first."""


class Remarks:
    """Counts such lines while they pass."""

    def __init__(self) -> None:
        self._lost: Counter[tuple[str, str]] = Counter()

    def feed(self, lines: bytes) -> None:
        """Look at whole lines."""
        for word, form, verb in _RULES:
            if word in lines:
                for match in form.finditer(lines):
                    self._lost[verb, match["who"].decode(errors="replace")] += int(match["n"])

    def note(self) -> str:
        """What the log lacks, in words; empty: nothing that it knows of."""
        named = [
            f"{verb} {count:,} messages{f' of {who}' if who else ''}"
            for (verb, who), count in self._lost.most_common(_MOST)
        ]
        others = len(self._lost) - len(named)
        return "; ".join(named + [f"and of {others} others"] * bool(others))
