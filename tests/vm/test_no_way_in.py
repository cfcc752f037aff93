"""What a host's configuration of modules does to the wait for the cifs module."""

from typing import Any

import pytest

from tests.vm.scenarios.no_way_in import CONFIGURATION, LINES

SCENARIO = "no_way_in"


@pytest.mark.parametrize("name", LINES)
def test_line_that_keeps_a_mount_from_loading_it_is_named(facts: dict[str, Any], name: str) -> None:
    said, loaded = facts[name]
    assert not loaded
    assert said.endswith(f"(a mount will not do it: '{LINES[name]}' in {CONFIGURATION})")


@pytest.mark.parametrize("name", ["hidden", "elsewhere"])
def test_modules_that_are_not_where_most_keep_them_may_have_it(
    facts: dict[str, Any], name: str
) -> None:
    assert facts[name] == ""


def test_kernel_whose_modules_have_no_client_is_named(facts: dict[str, Any]) -> None:
    assert "has no cifs client: it is not loaded, and there is no module" in facts["without"]
