"""From the client's table to the lines of ours."""

import pytest

from scripts.client_table import Element, LayoutError
from scripts.ntstatus import ADDED, rows

UNMAPPED = {f"{name}\t0x{number:08X}\t-" for name, number in ADDED.items()}


def mapped(*table: Element) -> list[str]:
    return [line for line in rows(list(table)) if line not in UNMAPPED]


def test_the_lines_are_sorted_by_number() -> None:
    table = [
        Element(0xC000007F, 28, "STATUS_DISK_FULL"),
        Element(0, 0, "STATUS_SUCCESS"),
        Element(0xC00000BB, 95, "STATUS_NOT_SUPPORTED"),
    ]
    assert mapped(*table) == [
        "STATUS_SUCCESS\t0x00000000\t0",
        "STATUS_DISK_FULL\t0xC000007F\tENOSPC",
        "STATUS_NOT_SUPPORTED\t0xC00000BB\tEOPNOTSUPP",
    ]


def test_a_second_name_has_the_errno_that_the_client_finds_first() -> None:
    table = [
        Element(0xC0000279, 95, "STATUS_REPARSE_NOT_HANDLED"),
        Element(0xC0000279, 5, "STATUS_IO_REPARSE_TAG_NOT_HANDLED"),
        Element(0x80, 5, "STATUS_ABANDONED"),
        Element(0x80, 5, "STATUS_ABANDONED_WAIT_0"),
    ]
    assert mapped(*table)[1:] == [
        "STATUS_ABANDONED\t0x00000080\tEIO",
        "STATUS_ABANDONED_WAIT_0\t0x00000080\tEIO",
        "STATUS_IO_REPARSE_TAG_NOT_HANDLED\t0xC0000279\tEOPNOTSUPP",
        "STATUS_REPARSE_NOT_HANDLED\t0xC0000279\tEOPNOTSUPP",
    ]


def test_success_has_one_name_whether_the_client_has_two_or_none() -> None:
    table = [Element(0, 0, "STATUS_SUCCESS"), Element(0, 0, "STATUS_WAIT_0")]
    assert mapped(*table) == mapped() == ["STATUS_SUCCESS\t0x00000000\t0"]


def test_what_a_client_does_not_map_has_no_errno() -> None:
    assert "STATUS_SERVER_UNAVAILABLE\t0xC0000466\t-" in rows([])
    newer = rows([Element(0xC0000466, 11, "STATUS_SERVER_UNAVAILABLE")])
    assert [line for line in newer if "0xC0000466" in line] == [
        "STATUS_SERVER_UNAVAILABLE\t0xC0000466\tEAGAIN"
    ]


def test_a_name_that_a_client_lacks_has_the_errno_of_its_number() -> None:
    lines = rows([Element(0xC0000279, 95, "STATUS_REPARSE_NOT_HANDLED")])
    assert [line for line in lines if "0xC0000279" in line] == [
        "STATUS_IO_REPARSE_TAG_NOT_HANDLED\t0xC0000279\tEOPNOTSUPP",
        "STATUS_REPARSE_NOT_HANDLED\t0xC0000279\tEOPNOTSUPP",
    ]


def test_an_errno_without_a_name_is_refused() -> None:
    with pytest.raises(LayoutError, match="errno 600 has no name"):
        rows([Element(1, 600, "STATUS_WAIT_1")])
