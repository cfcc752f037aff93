"""`aod-stage collect --print` shows the operations of a real mount, beside a running daemon."""

from typing import Any

SCENARIO = "stages"


def test_operations_are_printed_with_their_outcome(facts: dict[str, Any]) -> None:
    lines = facts["printed"].splitlines()
    assert lines[0].split()[:4] == ["time", "command", "latency", "status"]
    written = [line for line in lines if "SMB2_WRITE" in line]
    assert written
    assert all("STATUS_SUCCESS" in line for line in written)
    assert any("SMB2_CREATE" in line and "STATUS_OBJECT_NAME_NOT_FOUND" in line for line in lines)


def test_printer_and_daemon_end_cleanly(facts: dict[str, Any]) -> None:
    assert (facts["printer"], facts["daemon"]) == (0, 0)
