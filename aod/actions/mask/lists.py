"""Command lines that a program logs as a list of JSON or Python: `["mount", "-o", "password=x"]`.

They are read as audit records are, with a NUL between two arguments."""

import re
from typing import Final

from aod.actions.mask.views import View

_STRING: Final = rb"(?:\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
_NEXT: Final = rb"[ \t]*,[ \t]*b?"
_CUT: Final = rb"[\"'][^\n]*"
_LIST: Final = re.compile(
    rb"[\[(][ \t]*b?" + _STRING + rb"(?:(?:" + _NEXT + _STRING + rb")+"
    rb"(?:" + _NEXT + _CUT + rb")?|" + _NEXT + _CUT + rb")"
)
_ELEMENT: Final = re.compile(rb"\"((?:\\.|[^\"\\\n])*)\"?|'((?:\\.|[^'\\\n])*)'?")
_SIGNS: Final = (b'["', b"['", b'("', b"('", b'[ "', b"[b'")


def arguments(text: bytes) -> View | None:
    """What stands in lists; None if there is none."""
    if not any(sign in text for sign in _SIGNS):
        return None
    view = View()
    for found in _LIST.finditer(text):
        at = found.start()
        for element in _ELEMENT.finditer(text, *found.span()):
            kind = element.lastindex or 0
            view.add(b"\0", at, element.start(kind))
            view.add(element[kind], *element.span(kind))
            at = element.end(kind)
        view.add_foreign(b"\0\n")
    return view if view.text else None
