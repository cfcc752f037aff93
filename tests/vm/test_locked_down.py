"""A kernel in lockdown mode confidentiality is named as one, whatever it answers."""

import errno
from typing import Any

from aod.host.refusal import LOCKED

SCENARIO = "locked_down"


def test_the_kernel_refuses_as_one_that_does_not_know_the_helper(facts: dict[str, Any]) -> None:
    assert "[confidentiality]" in facts["mode"]
    assert facts["errno"] == errno.EINVAL


def test_daemon_says_that_it_is_locked_down_and_nothing_else(facts: dict[str, Any]) -> None:
    assert facts["said"] == [3, f"{LOCKED}\n"]


def test_where_the_mode_cannot_be_read_the_helper_tells(facts: dict[str, Any]) -> None:
    status, text = facts["said_hidden"]
    assert status == 3
    assert "as one in lockdown mode confidentiality does (loading the eBPF object" in text
    assert text.count("\n") == 1
