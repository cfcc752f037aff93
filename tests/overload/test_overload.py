"""Overload, shortly; the long runs are `make overload`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.overload import cases, incident
from tests.overload.__main__ import render
from tests.overload.cases import Seen
from tests.overload.cgroup import NoMemoryControllerError
from tests.overload.rig import PATIENCE_SEC


@pytest.mark.timeout(5 * PATIENCE_SEC)
@pytest.mark.parametrize(
    ("case", "seconds"),
    [
        (cases.detect_stopped, 1.5),
        (cases.capture_stopped, 2),
        (cases.disk_full, 2),
        (cases.little_memory, 2),
        (incident.long_incident, 30),
    ],
)
def test_it_holds(
    base: Path, pin_dir: Path, case: Callable[[Path, Path, float], Seen], seconds: float
) -> None:
    try:
        seen = case(base, pin_dir, seconds)
    except NoMemoryControllerError as error:
        pytest.skip(str(error))
    print(render(seen))
