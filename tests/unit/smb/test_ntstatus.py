"""The statuses: complete, each number once, and no failure among the benign."""

import re

import pytest

from aod.smb.commands import Command
from aod.smb.ntstatus import BENIGN, NAMES, NUMBERS, source, status_name, statuses

SECOND_NAMES = {
    "STATUS_ABANDONED_WAIT_0": "STATUS_ABANDONED",
    "STATUS_FWP_TOO_MANY_CALLOUTS": "STATUS_FWP_TOO_MANY_BOOTTIME_FILTERS",
    "STATUS_REPARSE_NOT_HANDLED": "STATUS_IO_REPARSE_TAG_NOT_HANDLED",
}

PROBES = {Command.SMB2_IOCTL, Command.SMB2_QUERY_INFO}

EVERYDAY: list[tuple[str, str, set[Command]]] = [
    ("STATUS_OBJECT_NAME_NOT_FOUND", "ENOENT", set(Command)),
    ("STATUS_OBJECT_PATH_NOT_FOUND", "ENOENT", set(Command)),
    ("STATUS_NO_SUCH_FILE", "ENOENT", set(Command)),
    ("STATUS_OBJECT_NAME_COLLISION", "EEXIST", set(Command)),
    ("STATUS_NO_MORE_FILES", "ENODATA", set(Command)),
    ("STATUS_END_OF_FILE", "ENODATA", set(Command)),
    ("STATUS_NO_EAS_ON_FILE", "ENODATA", set(Command)),
    ("STATUS_MORE_PROCESSING_REQUIRED", "EIO", {Command.SMB2_SESSION_SETUP}),
    ("STATUS_BUFFER_OVERFLOW", "E2BIG", set(Command)),
    ("STATUS_STOPPED_ON_SYMLINK", "EOPNOTSUPP", set(Command)),
    ("STATUS_IO_REPARSE_TAG_NOT_HANDLED", "EOPNOTSUPP", set(Command)),
    ("STATUS_PATH_NOT_COVERED", "EREMOTE", set(Command)),
    ("STATUS_NOT_SUPPORTED", "EOPNOTSUPP", PROBES),
    ("STATUS_INVALID_DEVICE_REQUEST", "EOPNOTSUPP", PROBES),
    ("STATUS_FS_DRIVER_REQUIRED", "EOPNOTSUPP", PROBES),
    ("STATUS_NOT_A_REPARSE_POINT", "EIO", set(Command)),
    ("STATUS_NOTIFY_ENUM_DIR", "EIO", set(Command)),
    ("STATUS_NOTIFY_CLEANUP", "EIO", set(Command)),
    ("STATUS_CANCELLED", "EIO", set(Command)),
    ("STATUS_LOCK_NOT_GRANTED", "EACCES", {Command.SMB2_LOCK}),
    ("STATUS_FILE_LOCK_CONFLICT", "EACCES", {Command.SMB2_LOCK}),
]
"""What a healthy client meets: status, the errno it makes of it, in answers to what."""

FAILURES = {
    "STATUS_SHARING_VIOLATION": "EBUSY",
    "STATUS_DELETE_PENDING": "ENOENT",
    "STATUS_ACCESS_DENIED": "EACCES",
    "STATUS_LOGON_FAILURE": "EACCES",
    "STATUS_PASSWORD_EXPIRED": "EKEYEXPIRED",
    "STATUS_NETWORK_NAME_DELETED": "EREMCHG",
    "STATUS_IO_TIMEOUT": "EAGAIN",
    "STATUS_INSUFFICIENT_RESOURCES": "EAGAIN",
    "STATUS_DISK_FULL": "ENOSPC",
}
"""What a person wants to know, and the errno that the client makes of it."""


def test_every_number_has_one_name_that_is_shown() -> None:
    assert len(NUMBERS) > 1700
    assert {name: NAMES[n] for name, n in NUMBERS.items() if NAMES[n] != name} == SECOND_NAMES
    assert all(0 <= number < 2**32 for number in NAMES)
    assert list(NUMBERS.values()) == sorted(NUMBERS.values())


def test_the_table_names_its_source() -> None:
    assert re.fullmatch(r"cifs \S+ of Linux \d\S+", source())


def test_only_success_is_no_error() -> None:
    assert [s.name for s in statuses() if not s.errno or not s.number] == ["STATUS_SUCCESS"]


def test_what_the_client_does_not_map_is_eio_and_marked() -> None:
    unmapped = {status.name: status for status in statuses() if not status.mapped}
    assert {"STATUS_SERVER_UNAVAILABLE", "STATUS_FILE_NOT_AVAILABLE"} <= unmapped.keys()
    assert {status.errno for status in unmapped.values()} == {"EIO"}
    assert len(unmapped) < 20


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
        (0xC0000480, "STATUS_SHARE_UNAVAILABLE"),
        (0xC0020017, "RPC_NT_SERVER_UNAVAILABLE"),
        (0xC0000279, "STATUS_IO_REPARSE_TAG_NOT_HANDLED"),
        (0, "STATUS_SUCCESS"),
        (0xC0ABCDEF, "0xC0ABCDEF"),
        (9, "0x00000009"),
    ],
)
def test_a_status_has_a_name_or_shows_its_number(number: int, name: str) -> None:
    assert status_name(number) == name


def test_what_everyday_work_meets_is_benign_and_nothing_else() -> None:
    assert {NAMES[number]: set(commands) for number, commands in BENIGN.items()} == {
        name: commands for name, _, commands in EVERYDAY
    }


def test_what_a_person_wants_to_know_is_not_benign() -> None:
    assert not {NUMBERS[name] for name in FAILURES} & BENIGN.keys()


def test_the_client_makes_the_errno_of_them_that_is_known() -> None:
    expected = FAILURES | {name: errno for name, errno, _ in EVERYDAY}
    client = {status.name: status.errno for status in statuses()}
    assert {name: client[name] for name in expected} == expected
