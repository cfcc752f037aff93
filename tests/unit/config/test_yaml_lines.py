"""YAML with its lines: what is kept, and that nothing unfolds without end.

What is refused is in test_config_mistakes.
"""

import time

import pytest

from aod.config.yaml_lines import MAX_BYTES, BadYamlError, parse


def test_values_and_keys_know_their_lines() -> None:
    document = parse(b"a: 1\nb:\n  - x\n  - c: true\n    d:\n")
    assert document.data == {"a": 1, "b": ["x", {"c": True, "d": None}]}
    assert document.line(("a",)) == 1
    assert document.line(("b",)) == 2
    assert document.value_lines["b",] == 3
    assert document.line(("b", 1)) == 4
    assert document.line(("b", 1, "d")) == 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("010", 10),
        ("0o10", 8),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ("true", True),
        ("12:30:45", "12:30:45"),
        ("'5'", "5"),
        ("!!str 5", "5"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = parse(f"a: {text}\n".encode()).data["a"]
    assert (found, type(found)) == (value, type(value))


def test_yaml_1_1_is_read_when_the_file_asks_for_it() -> None:
    assert parse(b"%YAML 1.1\n---\na: yes\n").data == {"a": True}


def test_an_empty_file_holds_nothing() -> None:
    assert parse(b"").data is None
    assert parse(b"# only a comment\n").data is None


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


def test_aliases_and_merge_keys_unfold_and_keep_the_lines_of_their_anchor() -> None:
    text = b"base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nall:\n  <<: [*b, *m]\n  x: 9\nsame: *b\n"
    document = parse(text)
    assert document.data["all"] == {"x": 9, "y": 2, "z": 4}
    assert document.data["same"] == {"x": 1, "y": 2}
    assert document.line(("all", "x")) == 5
    assert document.line(("all", "y")) == 1
    assert document.line(("all", "z")) == 2


def test_an_anchor_may_be_defined_again() -> None:
    assert parse(b"a: &x 1\nb: *x\nc: &x 2\nd: *x\n").data == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "[" * 30 + "]" * 30,
        "\n".join(" " * depth + "a:" for depth in range(300)),
        "a: &a [*a]\n",
        "a: &a\n  <<: *a\n",
        "a: &a {b: *a}\n",
        # Nine generations of ten aliases each: 10**9 values, if they were unfolded.
        "x0: &x0 [1]\n"
        + "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 10)),
        "x0: &x0 {a: 1}\n"
        + "".join(
            f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 10)}]}}\n" for n in range(1, 10)
        ),
        "a: " + "x" * MAX_BYTES,
    ],
)
def test_nothing_unfolds_without_end(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadYamlError):
        parse(text.encode())
    assert time.monotonic() - began < 5
