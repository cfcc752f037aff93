"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

POLL_S: Final = 0.05
_FIRST_PAUSE_S: Final = 0.005


def wait_until(
    condition: Callable[[], T | None], what: str, timeout_s: float = 20, poll_s: float = POLL_S
) -> T:
    """Call `condition` until it returns something true, and return that.

    Between two calls it sleeps for 5 ms at first, and up to `poll_s` when it takes long.

    Raises:
        TimeoutError: nothing true within `timeout_s` seconds; the message names `what`.
    """
    deadline = time.monotonic() + timeout_s
    pause_s = min(_FIRST_PAUSE_S, poll_s)
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(pause_s)
        pause_s = min(1.2 * pause_s, poll_s)
    return value
