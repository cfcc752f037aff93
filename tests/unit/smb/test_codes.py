"""The codes as people ask for them."""

import pytest

from aod.smb import errors, ntstatus
from aod.smb.codes import Codes, codes


def names(found: Codes) -> list[str]:
    return [*(each.name for each in found.ntstatus), *(each.name for each in found.errno)]


def test_without_words_every_name_is_there_once_sorted_by_number() -> None:
    found = codes()
    assert [each.name for each in found.ntstatus] == list(ntstatus.NUMBERS)
    assert {each.name: each.number for each in found.errno} == errors.NUMBERS
    assert [each.number for each in found.errno] == sorted(errors.NUMBERS.values())


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("disk_full", ["STATUS_DISK_FULL"]),
        ("NT_STATUS_DISK_FULL", ["STATUS_DISK_FULL"]),
        ("ekeyexp", ["EKEYEXPIRED"]),
        ("0xC0000022", ["STATUS_ACCESS_DENIED"]),
        ("0xc0000022", ["STATUS_ACCESS_DENIED"]),
        ("3221225506", ["STATUS_ACCESS_DENIED"]),
        ("-1073741790", ["STATUS_ACCESS_DENIED"]),
        ("0xC0000279", ["STATUS_IO_REPARSE_TAG_NOT_HANDLED", "STATUS_REPARSE_NOT_HANDLED"]),
        ("13", ["EACCES"]),
        ("-13", ["EACCES"]),
        ("11", ["EAGAIN", "EWOULDBLOCK"]),
        ("524", ["ENOTSUPP"]),
        ("1", ["STATUS_WAIT_1", "EPERM"]),
        ("0", ["STATUS_SUCCESS"]),
        ("013", []),
        ("9" * 10_000, []),
        ("0x1C0000022", []),
        ("no such", []),
    ],
)
def test_a_word_is_a_part_of_a_name_or_a_number(word: str, expected: list[str]) -> None:
    assert names(codes([word])) == expected


def test_any_of_the_words_is_enough() -> None:
    assert names(codes(["eremchg", "no such", "28", "DISK_FULL"])) == [
        "STATUS_DISK_FULL",
        *("ENOSPC", "EREMCHG"),
    ]


def test_a_status_says_what_becomes_of_it() -> None:
    (denied,) = codes(["STATUS_LOCK_NOT_GRANTED"]).ntstatus
    assert (denied.number, denied.errno, denied.mapped) == (0xC0000055, "EACCES", True)
    assert denied.left_out == ("SMB2_LOCK",)
    (unknown,) = codes(["STATUS_SERVER_UNAVAILABLE"]).ntstatus
    assert (unknown.errno, unknown.mapped, unknown.left_out) == ("EIO", False, ())


def test_an_errno_says_what_it_means_and_how_many_statuses_become_it() -> None:
    (denied,) = codes(["13"]).errno
    becoming = [each for each in codes().ntstatus if each.errno == "EACCES"]
    assert (denied.text, denied.statuses) == ("Permission denied", len(becoming))
    again, would_block = codes(["11"]).errno
    assert again.statuses == would_block.statuses == 3


def test_a_number_with_two_names_is_one_status() -> None:
    statuses = codes().ntstatus
    unsupported = {each.number for each in statuses if each.errno == "EOPNOTSUPP"}
    assert codes(["EOPNOTSUPP"]).errno[0].statuses == len(unsupported)
