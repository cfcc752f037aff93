"""Exit codes: a user's error is said in its own words, anything else is a traceback."""

import pytest

from aod.capture.snapshot import SnapshotError
from aod.cli import exits
from aod.cli.exits import StatusError, UsageError, guarded
from aod.config.load import ConfigError
from aod.host.preflight import PreflightError
from aod.log import LevelError
from aod.recording.format import RecordingError
from aod.recording.writer import RecordingWriteError
from aod.state.lock import LockedError
from aod.supervision.folders import FolderError
from aod.transport.position import EventLogError

CONTRACT: dict[type[Exception], int] = {
    ConfigError: 2,
    FolderError: 2,
    UsageError: 2,
    LevelError: 2,
    PreflightError: 3,
    LockedError: 1,
    EventLogError: 1,
    RecordingError: 2,
    RecordingWriteError: 1,
    SnapshotError: 1,
    StatusError: 1,
}


def test_codes_of_the_contract() -> None:
    assert (exits.CLEAN, exits.OTHER, exits.USAGE, exits.KERNEL) == (0, 1, 2, 3)


def test_every_error_of_a_user_is_in_the_contract() -> None:
    assert exits._CODES == CONTRACT


@pytest.mark.parametrize("error", CONTRACT, ids=lambda error: error.__name__)
def test_error_is_said_and_becomes_its_code(
    error: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error("a.yaml:3: no")

    assert guarded(fail) == CONTRACT[error]
    assert capsys.readouterr() == ("", "a.yaml:3: no\n")


def test_status_of_what_ran_is_passed_on() -> None:
    assert guarded(lambda: 7) == 7


def test_level_that_is_none_stops_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AOD_LOG_LEVEL", "nonsense")
    assert guarded(lambda: pytest.fail("ran")) == 2
    assert "AOD_LOG_LEVEL=NONSENSE" in capsys.readouterr().err


def test_bug_stays_a_traceback() -> None:
    def fail() -> int:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        guarded(fail)
