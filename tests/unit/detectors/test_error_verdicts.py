"""The precedence of what is said about a status and about an errno, case by case."""

import numpy as np
import pytest

from aod.detectors.error import Verdicts
from aod.event import ERRNO_LIMIT
from aod.smb import errors, ntstatus
from aod.smb.commands import Command


def count(verdicts: Verdicts, status: str, errno: str, command: int = Command.SMB2_CREATE) -> bool:
    (counted,) = verdicts.count(
        np.array([ntstatus.NUMBERS[status]], np.uint32),
        np.array([command], np.uint8),
        np.array([-errors.NUMBERS[errno]], np.int16),
    )
    return bool(counted)


@pytest.mark.parametrize(
    ("tracked", "excluded", "expected"),
    [
        ((), (), True),
        ((), ("EACCES",), False),
        ((), ("STATUS_ACCESS_DENIED",), False),
        ((), ("STATUS_LOGON_FAILURE",), True),
        (("EACCES",), ("STATUS_ACCESS_DENIED",), False),
        (("STATUS_ACCESS_DENIED",), ("EACCES",), True),
        (("STATUS_LOGON_FAILURE",), ("EACCES",), False),
    ],
)
def test_the_status_goes_before_the_errno(
    tracked: tuple[str, ...], excluded: tuple[str, ...], expected: bool
) -> None:
    verdicts = Verdicts.of(tracked=tracked, excluded=excluded, by_default=True)
    assert count(verdicts, "STATUS_ACCESS_DENIED", "EACCES") is expected


@pytest.mark.parametrize("by_default", [True, False])
def test_what_is_neither_tracked_nor_excluded_counts_by_default_only(by_default: bool) -> None:
    verdicts = Verdicts.of(tracked=("EIO",), excluded=(), by_default=by_default)
    assert count(verdicts, "STATUS_DISK_FULL", "ENOSPC") is by_default
    assert count(verdicts, "STATUS_UNSUCCESSFUL", "EIO")


@pytest.mark.parametrize(
    ("errno", "status", "reached"),
    [
        ("ENOENT", "STATUS_NO_SUCH_FILE", True),
        ("EIO", "STATUS_CANCELLED", False),
        # What newer kernels map to E2BIG was EIO before.
        ("E2BIG", "STATUS_BUFFER_OVERFLOW", True),
        ("EIO", "STATUS_BUFFER_OVERFLOW", False),
    ],
)
def test_a_vague_errno_does_not_reach_a_benign_status(
    errno: str, status: str, reached: bool
) -> None:
    verdicts = Verdicts.of(tracked=(errno,), excluded=(), by_default=True)
    assert count(verdicts, status, errno) is reached


def test_numbers_that_no_table_has_are_judged_by_default() -> None:
    for by_default in (True, False):
        verdicts = Verdicts.of(tracked=("EIO",), excluded=(), by_default=by_default)
        counted = verdicts.count(
            np.array([0, 2**32 - 1, 0xC0000001], np.uint32),
            np.array([255, 31, 32], np.uint8),
            np.array([-32768, 32767, -4095], np.int16),
        )
        assert counted.tolist() == [by_default] * 3


def test_the_errnos_that_may_count() -> None:
    eio = Verdicts.of(tracked=("EIO",), excluded=(), by_default=False)
    assert np.flatnonzero(eio.possible_errnos()).tolist() == [errors.NUMBERS["EIO"]]
    others = Verdicts.of(tracked=(), excluded=("EIO",), by_default=True)
    assert np.flatnonzero(~others.possible_errnos()).tolist() == [0, errors.NUMBERS["EIO"]]
    status = Verdicts.of(tracked=("STATUS_DISK_FULL",), excluded=(), by_default=False)
    assert status.possible_errnos().sum() == ERRNO_LIMIT - 1
