"""Writes aod/smb/ntstatus.tsv from the stock kernel's cifs module: python -m scripts.ntstatus

Where the client's table is not one name and one errno for each number:

- A number that stands there twice has the errno of its first element, as the client takes it.
- Both names are kept. The first one, which we show, is MS-ERREF's: in the client's order, but for
  `CLIENT_ONLY`.
- Success has one name, and is no failure that anybody may track: `OMITTED` is another for it.
- Names with other prefixes (DBG_, RPC_NT_, EPT_NT_) are MS-ERREF's own spelling, and stay.
- `ADDED` are names of SMB2's statuses that the table of this or that kernel lacks. A number that it
  lacks, too, has a `-` instead of an errno: the client says EIO.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from aod.smb import errors
from scripts.client_table import Element, LayoutError, elements, module_in, open_module, version
from scripts.vm.errors import VmError
from scripts.vm.kernel import stock_kernel
from scripts.vm.tools import REPO

TARGET: Final = REPO / "aod" / "smb" / "ntstatus.tsv"

CLIENT_ONLY: Final = frozenset({"STATUS_REPARSE_NOT_HANDLED"})
"""Names that MS-ERREF does not have: STATUS_IO_REPARSE_TAG_NOT_HANDLED is the one meant."""

OMITTED: Final = frozenset({"STATUS_WAIT_0"})

ADDED: Final = {
    "STATUS_SHORT_NAMES_NOT_ENABLED_ON_VOLUME": 0xC000019F,
    "STATUS_INVALID_LOCK_RANGE": 0xC00001A1,
    "STATUS_IO_REPARSE_TAG_NOT_HANDLED": 0xC0000279,
    "STATUS_INVALID_TOKEN": 0xC0000465,
    "STATUS_SERVER_UNAVAILABLE": 0xC0000466,
    "STATUS_FILE_NOT_AVAILABLE": 0xC0000467,
    "STATUS_SHARE_UNAVAILABLE": 0xC0000480,
    "STATUS_CANNOT_BREAK_OPLOCK": 0xC0000909,
    "STATUS_AUTH_TAG_MISMATCH": 0xC000A002,
    "STATUS_HASH_NOT_SUPPORTED": 0xC000A100,
    "STATUS_HASH_NOT_PRESENT": 0xC000A101,
    "STATUS_OFFLOAD_READ_FLT_NOT_SUPPORTED": 0xC000A2A1,
    "STATUS_OFFLOAD_WRITE_FLT_NOT_SUPPORTED": 0xC000A2A2,
    "STATUS_OFFLOAD_READ_FILE_NOT_SUPPORTED": 0xC000A2A3,
    "STATUS_OFFLOAD_WRITE_FILE_NOT_SUPPORTED": 0xC000A2A4,
    "STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP": 0xC05D0000,
    "STATUS_SMB_BAD_CLUSTER_DIALECT": 0xC05D0001,
}
"""From MS-ERREF 2.3.1: what MS-SMB2 and MS-FSA let a server answer."""

_SUCCESS: Final = Element(0, 0, "STATUS_SUCCESS")


def rows(table: Sequence[Element]) -> list[str]:
    """Lines of name, number, errno; sorted by number, of the names for one MS-ERREF's first.

    Raises:
        LayoutError: an errno has no name.
    """
    made = {name: (number, errno) for name, number, errno in _named([_SUCCESS, *table])}
    by_number = dict(made.values())
    for name, number in ADDED.items():
        made.setdefault(name, (number, by_number.get(number, "-")))
    ordered = sorted(made.items(), key=lambda row: (row[1][0], row[0] in CLIENT_ONLY))
    return [f"{name}\t0x{number:08X}\t{errno}" for name, (number, errno) in ordered]


def _named(table: Sequence[Element]) -> Iterator[tuple[str, int, str]]:
    first: dict[int, int] = {}
    for element in table:
        errno = first.setdefault(element.status, element.errno)
        if errno not in errors.NAMES and errno != 0:
            raise LayoutError(f"{element.name}: errno {errno} has no name in aod/smb/errors.py")
        if element.name not in OMITTED:
            yield element.name, element.status, errors.errno_name(errno) or "0"


def _header(source: str) -> list[str]:
    return [
        f"# {source}",
        "# Name, number, and the errno that this client makes of it; -: not in its table.",
        "# Names and numbers: MS-ERREF 2.3.1. Written by scripts/ntstatus.py, which says more.",
    ]


def main() -> int:
    """Write the file anew."""
    try:
        kernel = stock_kernel()
        module = open_module(module_in(kernel.modules))
        source = f"cifs {version(module)} of Linux {kernel.release}"
        lines = [*_header(source), *rows(elements(module))]
    except (VmError, LayoutError) as error:
        print(f"ntstatus: {error}", file=sys.stderr)
        return 1
    TARGET.write_text("\n".join(lines) + "\n", "ascii")
    print(f"{TARGET.relative_to(REPO)}: {len(lines)} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
