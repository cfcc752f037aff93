"""Error rules against a plain reading of the configuration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.detectors.api import NOT_FINISHED
from aod.detectors.error import Error
from aod.event import IN_FLIGHT, UNANSWERED, Events
from aod.settings import Mode
from aod.smb import errors, ntstatus
from aod.smb.commands import Command, command_name
from tests.unit.ruling import MS, only, stream


def failed(status: str, errno: str, command: Command = Command.SMB2_CREATE) -> Events:
    return stream([(MS, ntstatus.NUMBERS[status], -errors.NUMBERS[errno], command, 0)])


# What the manual says, one operation at a time.


def counts(anomaly: Error, record: np.void) -> bool:  # noqa: PLR0911  # as the manual lists them
    if record["error"] == 0 or record["flags"] & NOT_FINISHED:
        return False
    if anomaly.commands and command_name(int(record["command"])) not in anomaly.commands:
        return False
    number, status = abs(int(record["error"])), int(record["status"])
    excluded = anomaly.exclude_codes if anomaly.mode is Mode.EXCLUDEONLY else ()
    benign = record["command"] in [int(c) for c in ntstatus.BENIGN.get(status, ())]
    if ntstatus.NAMES.get(status) in anomaly.track_codes:
        return True
    if ntstatus.NAMES.get(status) in excluded:
        return False
    if number in [errors.NUMBERS.get(code) for code in anomaly.track_codes]:
        return not benign or errors.errno_name(number) not in {"EIO", "EACCES"}
    if number in [errors.NUMBERS.get(code) for code in excluded] or benign:
        return False
    return anomaly.mode is not Mode.TRACKONLY


ERRNOS_USED = ("EIO", "EACCES", "ENOENT", "EEXIST", "ENODATA", "EBUSY", "ENOSPC", "EAGAIN")
STATUSES_USED = (
    *("STATUS_ACCESS_DENIED", "STATUS_LOCK_NOT_GRANTED", "STATUS_MORE_PROCESSING_REQUIRED"),
    *("STATUS_OBJECT_NAME_NOT_FOUND", "STATUS_NOT_SUPPORTED", "STATUS_DISK_FULL"),
)
codes = st.lists(st.sampled_from(ERRNOS_USED + STATUSES_USED), unique=True, max_size=4)


@st.composite
def failures(draw: st.DrawFn) -> Error:
    tracked = draw(codes)
    excluded = [code for code in draw(codes) if code not in tracked]
    return Error(
        mode=draw(st.sampled_from(Mode)),
        track_codes=tuple(tracked),
        exclude_codes=tuple(excluded),
        commands=tuple(draw(st.sampled_from([(), ("SMB2_CREATE", "SMB2_SESSION_SETUP")]))),
    )


@st.composite
def failing_streams(draw: st.DrawFn) -> Events:
    status = st.sampled_from(
        [ntstatus.NUMBERS[name] for name in STATUSES_USED] + [0, 1, 0xC0ABCDEF, 2**32 - 1]
    )
    error = st.sampled_from([0, 0, -4095, -32768, *(-errors.NUMBERS[name] for name in ERRNOS_USED)])
    command = st.integers(0, 18) | st.sampled_from([19, 31, 32, 40, 255])
    flags = st.sampled_from([0, 0, IN_FLIGHT, 2, UNANSWERED])
    record = st.tuples(st.just(MS), status, error, command, flags)
    return stream(draw(st.lists(record, max_size=30)))


@given(failures(), failing_streams())
def test_error_rules_match_what_the_configuration_says(anomaly: Error, records: Events) -> None:
    rule = only(anomaly)
    assert rule.matches(records).tolist() == [counts(anomaly, record) for record in records]
    assert not rule.emergencies(records).any()


TRACKED = Error(mode=Mode.TRACKONLY, track_codes=("EACCES", "EAGAIN", "EIO"))


@pytest.mark.parametrize(
    ("anomaly", "record", "expected"),
    [
        (TRACKED, failed("STATUS_ACCESS_DENIED", "EACCES"), True),
        (TRACKED, failed("STATUS_IO_TIMEOUT", "EAGAIN"), True),
        (TRACKED, failed("STATUS_DISK_FULL", "ENOSPC"), False),
        # Every mount has one of these, and the client calls it EIO.
        (
            TRACKED,
            failed("STATUS_MORE_PROCESSING_REQUIRED", "EIO", Command.SMB2_SESSION_SETUP),
            False,
        ),
        (TRACKED, failed("STATUS_LOCK_NOT_GRANTED", "EACCES", Command.SMB2_LOCK), False),
        (TRACKED, failed("STATUS_FILE_LOCK_CONFLICT", "EACCES", Command.SMB2_READ), True),
        (Error(), failed("STATUS_OBJECT_NAME_NOT_FOUND", "ENOENT"), False),
        (Error(), failed("STATUS_DELETE_PENDING", "ENOENT"), True),
        (Error(track_codes=("ENOENT",)), failed("STATUS_NO_SUCH_FILE", "ENOENT"), True),
        (Error(track_codes=("STATUS_CANCELLED",)), failed("STATUS_CANCELLED", "EIO"), True),
        (Error(), failed("STATUS_NOT_SUPPORTED", "EOPNOTSUPP", Command.SMB2_IOCTL), False),
        (Error(), failed("STATUS_NOT_SUPPORTED", "EOPNOTSUPP", Command.SMB2_WRITE), True),
        (
            Error(mode=Mode.EXCLUDEONLY, exclude_codes=("EACCES",)),
            failed("STATUS_ACCESS_DENIED", "EACCES"),
            False,
        ),
        (
            Error(
                mode=Mode.EXCLUDEONLY,
                exclude_codes=("EACCES",),
                track_codes=("STATUS_LOGON_FAILURE",),
            ),
            failed("STATUS_LOGON_FAILURE", "EACCES", Command.SMB2_SESSION_SETUP),
            True,
        ),
    ],
)
def test_what_counts_as_an_error(anomaly: Error, record: Events, expected: bool) -> None:
    assert only(anomaly).matches(record).tolist() == [expected]
