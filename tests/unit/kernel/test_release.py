"""A kernel by its name, as distributions spell it."""

from datetime import date

import pytest

from aod.kernel.release import Release, parse, running

DATED = "#1 SMP PREEMPT_DYNAMIC Wed Jan 10 22:58:54 UTC 2024"


def test_debians_version_is_in_the_build() -> None:
    build = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-10-01)"
    name = "6.1.0-57-amd64, Debian 6.1.192"
    assert parse("6.1.0-57-amd64", build) == Release(name, (6, 1, 192))


def test_ubuntus_version_is_in_a_file_of_its_own() -> None:
    build = "#67-Ubuntu SMP PREEMPT_DYNAMIC Sun Jun 15 20:23:31 UTC 2025"
    name = "6.8.0-64-generic"
    found = parse(name, build, "Ubuntu 6.8.0-64.67-generic 6.8.12")
    assert found == Release(name, (6, 8, 12), (6, 8, 0), 64, built=date(2025, 6, 15))
    assert parse(name, build).version == (6, 8, 0)


def test_enterprise_kernels_are_known_by_their_build() -> None:
    for name in ("4.18.0-553.el8_10.x86_64", "5.15.0-200.131.27.el9uek.x86_64"):
        found = parse(name, DATED)
        assert found.is_enterprise
        assert found.built == date(2024, 1, 10)


@pytest.mark.parametrize("build", ["", "#1 SMP", "#1 SMP Wed Feb 31 22:58:54 UTC 2024", "@0"])
def test_build_without_a_day(build: str) -> None:
    assert parse("6.6.1", build) == Release("6.6.1", (6, 6, 1))


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.14-rc7", (6, 14, 0)), ("6.6.57.1-7.azl3", (6, 6, 57)), ("x", ()), ("", ())],
)
def test_forms_of_a_release(release: str, version: tuple[int, ...]) -> None:
    assert parse(release, "#1 SMP").version == version


def test_this_host() -> None:
    assert running().name
