"""Operations of the daemon's own children: recorded, marked, and never a reason for anything."""

import errno
import time
from pathlib import Path

import pytest

from aod._native import lib
from aod.event import IN_FLIGHT, MATCHED, OWN, UNANSWERED
from aod.kernel.tracer import remove
from aod.smb.commands import Command
from tests.rig.ring import MakeRig, Rig, make_thresholds

READ = Command.SMB2_READ
OURS, THEIRS = 42, 43
OLD_NS = 60 * 10**9
MAX_OWN = int(lib.AOD_MAX_OWN)


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """Where everything matches, and is an emergency at once."""
    thresholds = make_thresholds(threshold_ms=0, emergency_ms=0, errors=(errno.EACCES,))
    return make_rig(thresholds=thresholds)


def operation(rig: Rig, mid: int, pid: int) -> None:
    rig.producer.start(mid, READ, pid=pid)
    rig.producer.finish(mid, READ, error=-errno.EACCES)


def drained_flags(rig: Rig) -> list[int]:
    start = rig.log.position
    count = rig.drain()
    flags: list[int] = rig.log.view(start, count)["flags"].tolist()
    return flags


def test_what_ends_is_recorded_and_does_not_match(rig: Rig) -> None:
    rig.tracer.set_own([7, OURS])
    operation(rig, 1, THEIRS)
    operation(rig, 2, OURS)
    assert drained_flags(rig) == [MATCHED, OWN]
    assert (rig.stat("finished", READ), rig.stat("emitted", READ)) == (2, 2)


def test_what_hangs_is_told_with_the_mark(rig: Rig) -> None:
    rig.tracer.set_own([OURS])
    rig.producer.start(1, READ, pid=THEIRS)
    rig.producer.start(2, READ, pid=OURS)
    found = rig.tracer.scan_in_flight(rig.log, 100, time.monotonic_ns(), [OLD_NS] * 32)
    flags = dict(zip(found["mid"].tolist(), found["flags"].tolist(), strict=True))
    assert flags == {1: IN_FLIGHT | MATCHED, 2: IN_FLIGHT | OWN}


def test_what_is_never_answered_keeps_the_mark(rig: Rig) -> None:
    rig.tracer.set_own([OURS])
    rig.producer.start(1, READ, pid=OURS)
    rig.producer.start(1, READ, pid=OURS)  # its mid is in use again
    assert drained_flags(rig) == [UNANSWERED | OWN]
    now_ns = time.monotonic_ns() + OLD_NS
    given_up = rig.tracer.scan_in_flight(rig.log, 100, now_ns, [OLD_NS] * 32)
    assert given_up["flags"].tolist() == [UNANSWERED | OWN]


def test_mark_belongs_to_the_start(rig: Rig) -> None:
    """A child that was killed is nobody's any more when the server answers at last."""
    rig.tracer.set_own([OURS])
    rig.producer.start(1, READ, pid=OURS)
    rig.tracer.set_own([])
    rig.producer.finish(1, READ)
    operation(rig, 2, OURS)
    assert drained_flags(rig) == [OWN, MATCHED]


def test_only_matching_operations_are_recorded_where_that_is_asked_for(make_rig: MakeRig) -> None:
    rig = make_rig(thresholds=make_thresholds(threshold_ms=0, matching_only=True))
    rig.tracer.set_own([OURS])
    operation(rig, 1, OURS)
    assert (drained_flags(rig), rig.stat("filtered", READ)) == ([], 1)


def test_listener_beside_the_daemon_marks_the_same(
    rig: Rig, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    pin_dir = rig.setup.pin_dir
    beside = pin_dir.with_name(f"{pin_dir.name}-beside")
    request.addfinalizer(lambda: remove(beside))
    (folder := tmp_path / "beside").mkdir()
    listener = Rig(beside, folder, thresholds=rig.thresholds, beside=pin_dir)
    request.addfinalizer(listener.tracer.close)
    rig.tracer.set_own([OURS])
    operation(listener, 1, OURS)
    operation(listener, 2, THEIRS)
    assert drained_flags(listener) == [OWN, MATCHED]
    rig.tracer.set_own([THEIRS])
    operation(listener, 3, OURS)
    assert drained_flags(listener) == [MATCHED]


def test_there_is_room_for_many(rig: Rig) -> None:
    rig.tracer.set_own(range(1, 100))
    operation(rig, 1, MAX_OWN)
    operation(rig, 2, MAX_OWN + 1)
    assert drained_flags(rig) == [OWN, MATCHED]
