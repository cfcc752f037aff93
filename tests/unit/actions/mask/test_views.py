"""A line is read without its escapes, and what is found is found where it was printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.actions.mask import audit, lists
from aod.actions.mask.views import unescape

PLAIN = [
    (rb"a\040b\134c", b"a b\\c"),
    (rb"a\x20b\x5Cc", b"a b\\c"),
    (rb"{\"a\":\"b\"}", b'{"a":"b"}'),
    (rb"a\u003db\u0026", b"a=b&"),
    (rb"a\=b\,c\\", b"a=b,c\\"),
    (b"a%3Db%2cc", b"a=b,c"),
    (b"a%253Db", b"a%3Db"),
    (b"a&amp;b&quot;&#39;&#x3d;&lt;", b"a&b\"'=<"),
    (b"a#012b#011c", b"a\nb\tc"),
    (rb"a\nb\tc", b"a\nb\tc"),
    (b"100% of 5%; &c #1 \\", b""),
]


@pytest.mark.parametrize(("text", "plain"), PLAIN)
def test_an_escape_is_read_as_its_letter(text: bytes, plain: bytes) -> None:
    view = unescape(text)
    assert (view.text if view else b"") == plain


def test_only_lines_with_escapes_are_read() -> None:
    view = unescape(b"one\ntwo%3D\nthree\nfour\\=\nfive")
    assert view
    assert view.text == b"two=\nfour=\n"


@given(text=st.lists(st.sampled_from([b"a", b"\n", *(one for one, _ in PLAIN)])), data=st.data())
def test_what_is_found_is_where_it_was_printed(text: list[bytes], data: st.DataObject) -> None:
    printed = b"".join(text)
    if not (view := unescape(printed)):
        return
    start = data.draw(st.integers(0, len(view.text) - 1))
    end = data.draw(st.integers(start + 1, len(view.text)))
    origins = list(view.back([(start, end, b"*")]))
    found = b"".join(printed[a:b] for a, b, _ in origins)
    again = unescape(found)
    assert (again.text if again else found) == view.text[start:end] or b"\n" in found


def test_arguments_of_audit_are_read_in_hex_and_as_they_are() -> None:
    text = b'EXECVE argc=2 a0="mount" a1=' + b"user=a b".hex().encode() + b"\n"
    view = audit.arguments(text)
    assert view
    assert view.text == b"\0mount\0user=a b\0"
    at = view.text.index(b"a b")
    [(start, end, instead)] = view.back([(at, at + 3, b"***")])
    assert bytes.fromhex(text[start:end].decode()) == b"a b"
    assert bytes.fromhex(instead.decode()) == b"***"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (b'x ["a", "b c"] y', b"\0a\0b c\0\n"),
        (b"('a','b')", b"\0a\0b\0\n"),
        (b'["a","b', b"\0a\0b\0\n"),
        (b'[1, 2] {"a": "b"} ["a"]', b""),
    ],
)
def test_arguments_of_a_list_are_read_with_a_nul_between(text: bytes, plain: bytes) -> None:
    view = lists.arguments(text)
    assert (view.text if view else b"") == plain
