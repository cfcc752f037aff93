"""Kernels that reading the client's files may crash: known ones are found, and no others."""

import pytest

from aod.kernel.client_faults import FAULTS
from aod.kernel.client_files import DEBUGDATA, FOLDER, ProcCifs, faults, is_one, warning, why_not
from aod.kernel.release import Release, parse

DEBIAN = "#1 SMP PREEMPT_DYNAMIC Debian {}-1 (2026-01-01)"
NAMES = {"DebugData", "Stats", "open_files"}
BAD = parse("6.1.0-13-amd64", DEBIAN.format("6.1.55"))
GOOD = parse("6.1.0-57-amd64", DEBIAN.format("6.1.192"))


def files(release: str, build: str = "#1 SMP", signature: str = "") -> set[str]:
    """The files that are not read on a kernel."""
    return {fault.file for fault in faults(parse(release, build, signature))}


@pytest.mark.parametrize(
    ("release", "bad"),
    [
        ("4.19.300", NAMES),
        ("5.4.290", NAMES),
        ("5.10.236", NAMES),
        ("5.10.237", set()),
        ("5.15.179", NAMES),
        ("5.15.180", {"DebugData", "Stats"}),
        ("5.15.181", set()),
        ("6.1.63", NAMES),
        ("6.1.64", {"Stats", "open_files"}),
        ("6.1.65", NAMES),
        ("6.1.84", NAMES),
        ("6.1.85", {"DebugData"}),
        ("6.1.128", {"DebugData"}),
        ("6.1.129", set()),
        ("6.2.16", NAMES),
        ("6.5.13", {"Stats", "open_files"}),
        ("6.6.2", NAMES),
        ("6.6.3", {"Stats", "open_files"}),
        ("6.6.4", NAMES),
        ("6.6.76", set()),
        ("6.7.12", NAMES),
        ("6.8.5-arch1-1", {"DebugData"}),
        ("6.9.12-200.fc40.x86_64", {"DebugData"}),
        ("6.12.12", {"DebugData"}),
        ("6.12.13", set()),
        ("6.13.1", {"DebugData"}),
        ("6.14.0", set()),
        ("6.14-rc7", set()),
        ("7.3.4+deb13-amd64", set()),
        ("5.15.153.1-2.cm2", NAMES),
        ("something", set()),
    ],
)
def test_kernels_by_their_version(release: str, bad: set[str]) -> None:
    assert files(release) == bad


@pytest.mark.parametrize(
    ("upstream", "bad"), [("6.1.55", NAMES), ("6.1.85", {"DebugData"}), ("6.1.192", set())]
)
def test_debians_kernels_name_the_version_in_their_build(upstream: str, bad: set[str]) -> None:
    assert files("6.1.0-13-amd64", DEBIAN.format(upstream)) == bad


@pytest.mark.parametrize(
    ("release", "day", "upstream", "bad"),
    [
        ("6.8.0-36-generic", "Jun 11 2024", "6.8.4", NAMES),
        ("6.8.0-38-generic", "Jun 7 2024", "6.8.8", {"DebugData"}),
        ("6.8.0-63-generic", "May 1 2025", "6.8.12", {"DebugData"}),
        ("6.8.0-64-lowlatency", "Jun 15 2025", "6.8.12", set()),
        ("6.8.0-1021-azure", "Jan 9 2025", "6.8.12", {"DebugData"}),
        ("6.8.0-1034-azure", "Aug 20 2025", "6.8.12", set()),
        ("6.14.0-27-generic", "Jul 22 2025", "6.14.8", set()),
        ("5.15.0-116-generic", "Jun 1 2024", "5.15.152", NAMES),
        ("5.15.0-117-generic", "Jul 5 2024", "5.15.158", {"Stats", "open_files"}),
        ("5.15.0-160-generic", "Sep 25 2025", "5.15.189", set()),
    ],
)
def test_ubuntus_kernels_keep_their_version(
    release: str, day: str, upstream: str, bad: set[str]
) -> None:
    month, number, year = day.split()
    build = f"#1-Ubuntu SMP PREEMPT_DYNAMIC Mon {month} {number:>2} 10:00:00 UTC {year}"
    assert files(release, build, f"Ubuntu {release} {upstream}") == bad


@pytest.mark.parametrize(
    ("release", "day", "bad"),
    [
        ("4.18.0-513.5.1.el8_9.x86_64", "Fri Sep 29 05:21:10 EDT 2023", NAMES),
        ("5.14.0-362.18.1.el9_3.x86_64", "Wed Jan 3 15:54:45 EST 2024", {"Stats", "open_files"}),
        ("5.14.0-503.11.1.el9_5.x86_64", "Mon Sep 30 11:54:45 EDT 2024", set()),
        ("5.14.21-150500.55.19-default", "Tue Aug 8 22:15:01 UTC 2023", NAMES),
        ("6.4.0-150600.23.7-default", "", set()),
    ],
)
def test_enterprise_kernels_built_before_the_fix_have_the_fault(
    release: str, day: str, bad: set[str]
) -> None:
    """Whether later ones have it, their version does not say."""
    assert files(release, f"#1 SMP PREEMPT_DYNAMIC {day}") == bad


def test_files_with_a_fault_are_left_out_by_default() -> None:
    why = why_not(DEBUGDATA, ProcCifs.AUTO, BAD)
    assert why == (
        "/proc/fs/cifs/DebugData: not read: it may crash this kernel (CVE-2023-52752);"
        " capture.proc_cifs: always reads it"
    )
    assert why_not(FOLDER / "dfscache", ProcCifs.AUTO, BAD) == ""
    assert why_not(DEBUGDATA, ProcCifs.AUTO, GOOD) == ""


def test_configuration_decides() -> None:
    assert why_not(DEBUGDATA, ProcCifs.ALWAYS, BAD) == ""
    for name in ("DebugData", "Stats", "open_files", "dfscache", "mount_params"):
        why = f"{FOLDER / name}: not read: capture.proc_cifs is never"
        assert why_not(FOLDER / name, ProcCifs.NEVER, GOOD) == why


def test_a_kernel_with_faults_is_warned_of() -> None:
    assert warning(ProcCifs.AUTO, BAD) == (
        "reading DebugData, Stats, open_files in /proc/fs/cifs may crash this kernel"
        " (6.1.0-13-amd64, Debian 6.1.55; CVE-2023-52752, CVE-2024-35867, CVE-2024-26928):"
        " not read (capture.proc_cifs: auto); a newer kernel has the fixes"
    )
    assert ": read all the same (capture.proc_cifs: always);" in warning(ProcCifs.ALWAYS, BAD)
    assert warning(ProcCifs.NEVER, BAD) == ""
    assert [warning(policy, GOOD) for policy in ProcCifs] == [""] * 3


def test_only_what_lies_in_that_folder_is_the_clients() -> None:
    assert is_one("/proc/fs/cifs/Stats")
    for path in ("/proc/fs/cifs", "/proc/fs/cifs/a/b", "/sys/module/cifs/parameters", "cat", ""):
        assert not is_one(path)


def test_rows_of_the_table_are_in_order() -> None:
    for fault in FAULTS:
        assert list(fault.since) == sorted(fault.since)
        assert list(fault.fixed) == sorted(fault.fixed)
        assert fault.file in NAMES


def test_this_host_has_a_kernel() -> None:
    assert isinstance(faults(Release("", ())), list)
    assert why_not(FOLDER / "mount_params", ProcCifs.AUTO) == ""
