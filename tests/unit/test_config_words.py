"""The words of messages."""

import datetime

import pytest

from aod.config_words import LONGEST, dotted, quoted, shown, suggestion
from aod.smb.commands import Command


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("SMB2_WRTE", "SMB2_WRITE"),
        ("write", "SMB2_WRITE"),
        ("smb2_read", "SMB2_READ"),
        ("QUERY_DIRECTORY", "SMB2_QUERY_DIRECTORY"),
    ],
)
def test_the_nearest_name_is_suggested(word: str, meant: str) -> None:
    assert suggestion(word, Command.__members__) == f"did you mean {meant}? "


def test_nothing_is_suggested_for_what_is_like_nothing() -> None:
    assert suggestion("zzzzzz", Command.__members__) == ""
    assert suggestion("x" * 100_000, Command.__members__) == ""


def test_where_is_written_with_dots_and_indexes() -> None:
    assert dotted(("guardian", "anomalies", "slow", "actions", 2)) == (
        "guardian.anomalies.slow.actions[2]"
    )
    assert dotted(()) == "the file"


def test_a_quote_is_one_short_line() -> None:
    assert quoted("EIO") == "EIO"
    assert quoted("a\nb\x1b[31m") == "'a\\nb\\x1b[31m'"
    assert len(quoted("x" * 1000)) == LONGEST
    assert quoted("") == "''"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "empty"),
        (True, "true"),
        (-1, "-1"),
        (20.0, "20"),
        (float("nan"), "nan"),
        (10**400, "a huge number"),
        ("ten", "the text 'ten'"),
        ("", "an empty text"),
        ([], "a list"),
        ({}, "a section"),
        (datetime.date(2024, 1, 2), "the date 2024-01-02 (text needs quotes)"),
    ],
)
def test_a_value_is_named_as_the_file_has_it(value: object, words: str) -> None:
    assert shown(value) == words
