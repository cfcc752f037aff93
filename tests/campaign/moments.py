"""When a process is killed: at any time, soon after its birth, or in the midst of its work."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from scripts.vm.guest.wait import wait_until

LONGEST_SEC: Final = 0.4
"""Between two kills, when any moment is as good as another."""
NEWBORN_SEC: Final = 0.06
"""A worker that is younger has not begun its work yet."""
INTO_SEC: Final = 0.03
"""How far into a piece of work."""
_PATIENCE_SEC: Final = 1.0
_POLL_SEC: Final = 0.0005


class Moment(StrEnum):
    """What the killer waits for."""

    ANY = "any"
    NEWBORN = "newborn"
    """The successor of the one that died last."""
    SPOOLED = "spooled"
    """An anomaly waits for its capture."""
    FILLING = "filling"
    """A bundle's folder is there."""
    SEALING = "sealing"
    """An archive is being written."""


BUSY: Final[dict[Moment, tuple[str, str]]] = {
    Moment.SPOOLED: ("state/spool", "*.json"),
    Moment.FILLING: ("out", "aod_*[0-9]"),
    Moment.SEALING: ("out", ".aod_*.tmp"),
}
"""Below the daemon's folder: where, and what, shows that it is so."""


def choose(chance: random.Random) -> Moment:
    """Half of them at any time."""
    return chance.choices(tuple(Moment), (5, 2, 1, 1, 1))[0]


def wait_until_busy(moment: Moment, base: Path, chance: random.Random) -> None:
    """Until that moment has come, and a little longer; not forever, for it may never come."""
    folder, pattern = BUSY[moment]
    wait_briefly(lambda: any((base / folder).glob(pattern)))
    time.sleep(chance.uniform(0, INTO_SEC))


def wait_briefly(condition: Callable[[], bool]) -> None:
    """Until it is true, or has not become so for long enough."""
    with suppress(TimeoutError):
        wait_until(condition, "the moment", _PATIENCE_SEC, _POLL_SEC)
