"""Writes aod/smb/ntstatus.tsv from the stock kernel's cifs module: python -m scripts.ntstatus

Where the client's table is not one name and one errno for each number:

- A number that stands there twice has the errno of its first element, as the client takes it.
- Both names are kept. The first one, which we show, is MS-ERREF's: in the client's order, but for
  `CLIENT_ONLY`.
- `OMITTED` is success by another name, which nobody may track as a failure.
- Names with other prefixes (DBG_, RPC_NT_, EPT_NT_) are MS-ERREF's own spelling, and stay.
- `NOT_MAPPED` are statuses of SMB2 that the client's table lacks; instead of an errno they have
  a `-`, and the client says EIO.
"""

import sys
from collections.abc import Iterator
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

NOT_MAPPED: Final = {
    "STATUS_SHORT_NAMES_NOT_ENABLED_ON_VOLUME": 0xC000019F,
    "STATUS_INVALID_LOCK_RANGE": 0xC00001A1,
    "STATUS_INVALID_TOKEN": 0xC0000465,
    "STATUS_SERVER_UNAVAILABLE": 0xC0000466,
    "STATUS_FILE_NOT_AVAILABLE": 0xC0000467,
    "STATUS_SHARE_UNAVAILABLE": 0xC0000480,
    "STATUS_CANNOT_BREAK_OPLOCK": 0xC0000909,
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


def rows(table: list[Element]) -> list[str]:
    """Lines of name, number, errno; sorted by number, of the names for one MS-ERREF's first.

    Raises:
        LayoutError: an errno has no name, or the client maps by now what is said to be not mapped.
    """
    made = [*_mapped(table), *_unmapped(table)]
    made.sort(key=lambda row: (row[1], row[0] in CLIENT_ONLY))
    return [f"{name}\t0x{number:08X}\t{errno}" for name, number, errno in made]


def _mapped(table: list[Element]) -> Iterator[tuple[str, int, str]]:
    first: dict[int, int] = {}
    for element in table:
        errno = first.setdefault(element.status, element.errno)
        if errno not in errors.NAMES and errno != 0:
            raise LayoutError(f"{element.name}: errno {errno} has no name in aod/smb/errors.py")
        if element.name not in OMITTED:
            yield element.name, element.status, errors.errno_name(errno) or "0"


def _unmapped(table: list[Element]) -> Iterator[tuple[str, int, str]]:
    known = {element.status for element in table}
    for name, number in NOT_MAPPED.items():
        if number in known:
            raise LayoutError(f"the client maps {name}: take it out of NOT_MAPPED")
        yield name, number, "-"


def _header(module_version: str, release: str) -> list[str]:
    return [
        "# NTSTATUS: name, number, and the errno that the Linux client makes of it.",
        "# Names and numbers: MS-ERREF 2.3.1.",
        f"# Errno: {module_version} of the cifs module of Linux {release}; -: not in its table.",
        "# Written by scripts/ntstatus.py, which says more; not to be edited.",
    ]


def main() -> int:
    """Write the file anew."""
    try:
        kernel = stock_kernel()
        module = open_module(module_in(kernel.modules))
        lines = [*_header(version(module), kernel.release), *rows(elements(module))]
    except (VmError, LayoutError) as error:
        print(f"ntstatus: {error}", file=sys.stderr)
        return 1
    TARGET.write_text("\n".join(lines) + "\n", "ascii")
    print(f"{TARGET.relative_to(REPO)}: {len(lines)} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
