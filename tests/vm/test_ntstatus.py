"""The table of statuses that we ship, against the client that the guests run. Boots nothing."""

from pathlib import Path

from aod.smb import ntstatus
from scripts.client_table import Element, elements, module_in, open_module
from scripts.ntstatus import TARGET, rows
from scripts.vm.kernel import stock_kernel

KERNEL_DEPENDENT = {
    "STATUS_PRIVILEGE_NOT_HELD",
    "STATUS_INVALID_LOCK_RANGE",
    "STATUS_NOT_A_REPARSE_POINT",
    "STATUS_SERVER_UNAVAILABLE",
    "STATUS_FILE_NOT_AVAILABLE",
    "STATUS_AUTH_TAG_MISMATCH",
    "STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP",
    "STATUS_REPARSE_NOT_HANDLED",
}
"""Of these Debian's 6.12 or 7.3 makes another errno than 6.1, or lacks the name."""


def client(modules: Path) -> list[Element]:
    return elements(open_module(module_in(modules)))


def comparable(lines: list[str], *, same_kernel: bool) -> list[str]:
    names = set() if same_kernel else KERNEL_DEPENDENT
    return [line for line in lines if line.split("\t")[0] not in names]


def test_the_shipped_table_is_the_clients() -> None:
    """To the letter for the kernel that it was made from, whatever its last number is by now."""
    kernel = stock_kernel()
    same_kernel = f"Linux {'.'.join(kernel.release.split('.')[:2])}." in ntstatus.source()
    shipped = [line for line in TARGET.read_text().splitlines() if not line.startswith("#")]
    assert comparable(shipped, same_kernel=same_kernel) == comparable(
        rows(client(kernel.modules)), same_kernel=same_kernel
    ), "write it anew: python -m scripts.ntstatus"


def test_every_status_of_the_client_has_its_name_here() -> None:
    table = client(stock_kernel().modules)
    assert len(table) > 1700
    unnamed = {e.name for e in table if ntstatus.NUMBERS.get(e.name) != e.status}
    assert unnamed <= {"STATUS_WAIT_0"}
    assert {element.status for element in table} <= ntstatus.NAMES.keys()
