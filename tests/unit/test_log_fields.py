"""The lines that programs look for: an anomaly and its bundle, with their fields."""

import logging
from pathlib import Path

import pytest

from aod import log
from aod.stages.detect import Reader
from aod.state import names
from aod.transport.eventlog import EventLog
from tests.rig.configs import config
from tests.unit.detecting import detect_context, operations
from tests.unit.stages.test_capture import rows, run_to_the_end, spooled
from tests.unit.transport.test_eventlog_ring import append

__all__ = ["rows"]


def with_fields(caplog: pytest.LogCaptureFixture) -> list[tuple[int, dict[str, object]]]:
    """Level and fields of the records that have any."""
    return [
        (record.levelno, record.__dict__["journal"])
        for record in caplog.records
        if "journal" in record.__dict__
    ]


def test_a_declaration_is_an_alert_with_its_fields(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with detect_context(tmp_path) as context:
        events = EventLog.create(context.runtime_dir, 1)
        reader = Reader(context, EventLog.reader(context.runtime_dir))
        append(events, operations(11))
        reader.read()
    ((level, fields),) = with_fields(caplog)
    timestamp = int(operations(11)["end_ns"][-1]) + events.realtime_offset_ns
    assert level == log.ALERT
    assert fields == {
        "AOD_ANOMALY": "slow",
        "AOD_ANOMALY_TYPE": "Latency",
        "AOD_BUNDLE": names.folder(timestamp),
        "AOD_TIMESTAMP": timestamp,
    }


def test_a_sealed_bundle_is_told_with_its_path_and_anomaly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(tmp_path)
    spooled(made, 1)
    with caplog.at_level(logging.INFO, "aod"):
        (sealed,) = run_to_the_end(made)
    ((level, fields),) = with_fields(caplog)
    assert level == logging.INFO
    assert fields["AOD_BUNDLE"] == sealed.path
    assert fields["AOD_TIMESTAMP"] == 1
    assert fields["AOD_ANOMALY"]
