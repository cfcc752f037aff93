"""The real ring of this machine's kernel: needs CAP_BPF, no tracing."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.ring import MakeRig, Rig


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.skip(reason="loading eBPF programs needs root"))


@pytest.fixture
def make_rig(pin_dir: Path, tmp_path: Path) -> Iterator[MakeRig]:
    """Rigs of these sizes and thresholds, one after the other; closed with the test."""
    made: list[Rig] = []

    def make(**changes: Any) -> Rig:
        made.append(Rig(pin_dir, tmp_path, **changes))
        return made[-1]

    yield make
    for rig in made:
        rig.tracer.close()


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig()
