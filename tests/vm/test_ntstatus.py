"""The table of statuses that we ship, against the client that the guests run. Boots nothing."""

from aod.smb import ntstatus
from scripts.client_table import Element, elements, module_in, open_module
from scripts.ntstatus import TARGET, rows
from scripts.vm.kernel import stock_kernel


def client() -> list[Element]:
    return elements(open_module(module_in(stock_kernel().modules)))


def test_the_shipped_table_is_the_clients() -> None:
    shipped = TARGET.read_text().splitlines()
    assert [line for line in shipped if not line.startswith("#")] == rows(client()), (
        "write it anew: python -m scripts.ntstatus"
    )


def test_every_status_of_the_client_has_its_name_here() -> None:
    table = client()
    assert len(table) > 1700
    unnamed = {e.name for e in table if ntstatus.NUMBERS.get(e.name) != e.status}
    assert unnamed == {"STATUS_WAIT_0"}
    assert {element.status for element in table} <= ntstatus.NAMES.keys()
