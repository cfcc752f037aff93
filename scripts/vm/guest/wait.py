"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.05


def wait_until(
    condition: Callable[[], T | None], timeout_s: float, what: str, poll_s: float = POLL_S
) -> T:
    """Call `condition` every `poll_s` seconds until it returns something true, and return that.

    Raises TimeoutError, which names `what`, after `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(poll_s)
    return value
