"""The words of messages."""

import datetime

import pytest

from aod.config.explain import dotted, shown
from aod.smb import errors, ntstatus
from aod.smb.commands import Command
from aod.text import MAX_QUOTED, quoted, suggestion

CODES = (*errors.NUMBERS, *ntstatus.NUMBERS)


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


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ACCESS_DENIED", "STATUS_ACCESS_DENIED"),
        ("status_access_denied", "STATUS_ACCESS_DENIED"),
        ("STATUS_ACESS_DENIED", "STATUS_ACCESS_DENIED"),
        ("NT_STATUS_ACCESS_DENIED", "STATUS_ACCESS_DENIED"),
        ("NT_STATUS_ACESS_DENIED", "STATUS_ACCESS_DENIED"),
        ("NT_STATUS_RPC_CALL_FAILED", "RPC_NT_CALL_FAILED"),
        ("ACESS_DENIED", "STATUS_ACCESS_DENIED"),
        ("DISKFULL", "STATUS_DISK_FULL"),
        ("STATUS_CANCELED", "STATUS_CANCELLED"),
        ("LOGON_FALIURE", "STATUS_LOGON_FAILURE"),
        ("STATUS_NETWORK_DELETED", "STATUS_NETWORK_NAME_DELETED"),
        ("EACCESS", "EACCES"),
        ("ACCES", "EACCES"),
        ("eio", "EIO"),
        ("STATUS_EIO", "EIO"),
        ("ENOSPACE", "ENOSPC"),
        ("ENOTSUPPORTED", "STATUS_NOT_SUPPORTED"),
        ("TIMEDOUT", "ETIMEDOUT"),
    ],
)
def test_the_nearest_of_all_codes_is_suggested(word: str, meant: str) -> None:
    assert suggestion(word, CODES) == f"did you mean {meant}? "


def test_a_status_is_suggested_for_itself_without_its_prefix() -> None:
    for name in [*ntstatus.NUMBERS][::20]:
        assert name in suggestion(name.removeprefix("STATUS_").lower(), CODES)


@pytest.mark.parametrize(
    "word", ["zzzzzz", "x" * 100_000, "STATUS_" * 1000, "STATUS_", "NT_STATUS_OK", "STATUS_FOO", ""]
)
def test_nothing_is_suggested_for_what_is_like_nothing(word: str) -> None:
    assert suggestion(word, Command.__members__) == ""
    assert suggestion(word, CODES) == ""


def test_where_is_written_with_dots_and_indexes() -> None:
    assert dotted(("guardian", "anomalies", "slow", "actions", 2)) == (
        "guardian.anomalies.slow.actions[2]"
    )
    assert dotted(()) == "the file"


def test_a_quote_is_one_short_line() -> None:
    assert quoted("EIO") == "EIO"
    assert quoted("a\nb\x1b[31m") == "'a\\nb\\x1b[31m'"
    assert len(quoted("x" * 1000)) == MAX_QUOTED
    assert quoted("") == "''"
    assert quoted(" EIO") == "' EIO'"


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
        (" ten\0", "the text ' ten\\x00'"),
        ([], "a list"),
        ({}, "a section"),
        (datetime.date(2024, 1, 2), "the date 2024-01-02 (text needs quotes)"),
    ],
)
def test_a_value_is_named_as_the_file_has_it(value: object, words: str) -> None:
    assert shown(value) == words
