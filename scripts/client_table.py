"""The table by which the Linux SMB client turns NTSTATUS into errno, read from its module.

`smb2_error_map_table` (fs/smb/client/smb2maperror.c) is an array of

    struct status_to_posix_error { __le32 smb2_status; int posix_error; char *status_string; };

In a module, which is not linked yet, the strings stand in sections of their own, and a relocation
of each element says where. The client takes the first element with a status, and -EIO where there
is none (`map_smb2_to_linux_error`). Kernels differ: up to 6.12 the last element is empty and a
second name is a second element, 7.3 writes `STATUS_ABANDONED or STATUS_ABANDONED_WAIT_0`.
"""

import io
import lzma
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import Section, Symbol, SymbolTableSection

TABLE: Final = "smb2_error_map_table"

_ELEMENT: Final = struct.Struct("<IiQ")
_STRING: Final = 8
"""Offset of the string's address in an element."""


class LayoutError(Exception):
    """The module has no such table, or the table is not built as described here."""


class Element(NamedTuple):
    """What the client makes of one status."""

    status: int
    errno: int
    """Positive; 0 for success."""
    name: str


def module_in(modules: Path) -> Path:
    """The cifs module in a kernel's folder of modules.

    Raises:
        LayoutError: there is none, or more than one.
    """
    found = sorted(modules.rglob("cifs.ko*"))
    if len(found) != 1:
        raise LayoutError(f"{modules} has {len(found)} files cifs.ko*, not one")
    return found[0]


def open_module(path: Path) -> ELFFile:
    """A module, packed by xz or not.

    Raises:
        LayoutError: it is no ELF file of a 64-bit little-endian machine.
    """
    raw = path.read_bytes()
    try:
        module = ELFFile(io.BytesIO(lzma.decompress(raw) if path.suffix == ".xz" else raw))
    except (ELFError, lzma.LZMAError) as error:
        raise LayoutError(f"{path}: {error}") from error
    if module.elfclass != 64 or not module.little_endian:
        raise LayoutError(f"{path}: not of a 64-bit little-endian machine")
    return module


def version(module: ELFFile) -> str:
    """What `modinfo` calls the module's version; empty if it does not say."""
    section = module.get_section_by_name(".modinfo")
    fields = section.data().decode().split("\0") if section else []
    return next((f.removeprefix("version=") for f in fields if f.startswith("version=")), "")


def elements(module: ELFFile) -> list[Element]:
    """All elements but an empty last one, in the order of the table.

    Raises:
        LayoutError: sizes or strings are not as described above.
    """
    table = _table(module)
    section = module.get_section(table["st_shndx"])
    within = range(table["st_value"], table["st_value"] + table["st_size"])
    raw = section.data()[within.start : within.stop]
    if not raw or len(raw) % _ELEMENT.size:
        raise LayoutError(f"{TABLE} is {len(raw)} bytes, no multiple of {_ELEMENT.size}")
    strings = dict(_strings(module, section, within))
    made = list(_ELEMENT.iter_unpack(raw))
    if made[-1] == (0, 0, 0) and len(strings) == len(made) - 1:
        made.pop()
    if sorted(strings) != [*within[_STRING :: _ELEMENT.size]][: len(made)]:
        raise LayoutError(f"{TABLE}: an element has no string, or another pointer")
    return [
        _checked(status, errno, name)
        for (status, errno, _), where in zip(made, sorted(strings), strict=True)
        for name in strings[where].split(" or ")
    ]


def _checked(status: int, errno: int, name: str) -> Element:
    if not -4095 <= errno <= 0 or not name.isidentifier():
        raise LayoutError(f"{TABLE}: 0x{status:08X} has errno {errno} and the name {name!r}")
    return Element(status, -errno, name)


def _table(module: ELFFile) -> Symbol:
    found = _symbols(module).get_symbol_by_name(TABLE) or []
    if len(found) != 1:
        raise LayoutError(f"the module has {len(found)} tables {TABLE}, not one")
    return found[0]


def _symbols(module: ELFFile) -> SymbolTableSection:
    section = module.get_section_by_name(".symtab")
    if not isinstance(section, SymbolTableSection):
        raise LayoutError("the module has no symbols")
    return section


def _strings(module: ELFFile, section: Section, within: range) -> Iterator[tuple[int, str]]:
    """Where in the section an address stands, and the text at that address."""
    relocations = module.get_section_by_name(f".rela{section.name}")
    if not isinstance(relocations, RelocationSection):
        raise LayoutError(f"nothing in {section.name} refers to a string")
    symbols = _symbols(module)
    texts: dict[int, bytes] = {}
    for one in relocations.iter_relocations():
        if one["r_offset"] in within:
            symbol = symbols.get_symbol(one["r_info_sym"])
            home = symbol["st_shndx"]
            text = texts.setdefault(home, module.get_section(home).data())
            at = symbol["st_value"] + one["r_addend"]
            yield one["r_offset"], text[at : text.index(b"\0", at)].decode()
