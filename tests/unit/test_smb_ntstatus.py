"""The statuses: exact, each once, and no failure among the benign."""

import pytest

from aod.smb.commands import Command
from aod.smb.ntstatus import BENIGN, NAMES, NUMBERS, status_name


def test_names_and_numbers_are_one_to_one() -> None:
    assert len(NAMES) == len(NUMBERS)
    assert all(name.startswith("STATUS_") for name in NUMBERS)
    assert all(0 <= number < 2**32 for number in NAMES)
    assert list(NUMBERS.values()) == sorted(NUMBERS.values())


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0xC0000022, "STATUS_ACCESS_DENIED"),
        (0xC0000034, "STATUS_OBJECT_NAME_NOT_FOUND"),
        (0xC0000016, "STATUS_MORE_PROCESSING_REQUIRED"),
        (0x80000006, "STATUS_NO_MORE_FILES"),
        (0xC000007F, "STATUS_DISK_FULL"),
        (0xC00000C9, "STATUS_NETWORK_NAME_DELETED"),
        (0xC000035C, "STATUS_NETWORK_SESSION_EXPIRED"),
        (0xC0ABCDEF, "0xC0ABCDEF"),
        (7, "0x00000007"),
    ],
)
def test_a_status_has_a_name_or_shows_its_number(number: int, name: str) -> None:
    assert status_name(number) == name


def benign(name: str, command: Command) -> bool:
    return command in BENIGN.get(NUMBERS[name], ())


def test_what_everyday_work_meets_is_benign() -> None:
    assert benign("STATUS_OBJECT_NAME_NOT_FOUND", Command.SMB2_CREATE)
    assert benign("STATUS_NO_MORE_FILES", Command.SMB2_QUERY_DIRECTORY)
    assert benign("STATUS_CANCELLED", Command.SMB2_CHANGE_NOTIFY)
    assert benign("STATUS_MORE_PROCESSING_REQUIRED", Command.SMB2_SESSION_SETUP)
    assert benign("STATUS_LOCK_NOT_GRANTED", Command.SMB2_LOCK)
    assert benign("STATUS_NOT_SUPPORTED", Command.SMB2_IOCTL)


def test_some_are_benign_only_in_some_answers() -> None:
    assert not benign("STATUS_MORE_PROCESSING_REQUIRED", Command.SMB2_CREATE)
    assert not benign("STATUS_FILE_LOCK_CONFLICT", Command.SMB2_WRITE)
    assert not benign("STATUS_NOT_SUPPORTED", Command.SMB2_SET_INFO)


@pytest.mark.parametrize(
    "name",
    [
        *("STATUS_ACCESS_DENIED", "STATUS_SHARING_VIOLATION", "STATUS_DELETE_PENDING"),
        *("STATUS_LOGON_FAILURE", "STATUS_PASSWORD_EXPIRED", "STATUS_NETWORK_NAME_DELETED"),
        *("STATUS_IO_TIMEOUT", "STATUS_INSUFFICIENT_RESOURCES", "STATUS_DISK_FULL"),
    ],
)
def test_what_a_person_wants_to_know_is_not_benign(name: str) -> None:
    assert NUMBERS[name] not in BENIGN
