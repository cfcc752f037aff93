"""The dtype is the C struct, as a C compiler lays it out."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from aod import event
from aod.event import EVENT_DTYPE, joined, struct_dtype
from scripts.vm.tools import REPO

ROOT = REPO
HEADERS = {
    "aod_event": "event.h",
    "aod_command_stats": "shared.h",
    "aod_inflight": "shared.h",
    "aod_log_commit": "eventlog.h",
    "aod_log_header": "eventlog.h",
}


class Layout(NamedTuple):
    """Of a field."""

    offset: int
    size: int
    signed: bool


def compiled(folder: Path, source: str) -> list[str]:
    """The lines that a C program prints."""
    path = folder / "program.c"
    path.write_text(source)
    binary = path.with_suffix("")
    includes = [f"-I{ROOT / 'ebpf'}", f"-I{ROOT / 'native'}"]
    subprocess.run(["cc", "-Werror", *includes, "-o", str(binary), str(path)], check=True)
    result = subprocess.run([str(binary)], check=True, capture_output=True, text=True)
    return result.stdout.split("\n")[:-1]


def layouts(folder: Path, struct: str, fields: tuple[str, ...]) -> tuple[int, dict[str, Layout]]:
    """What the compiler says: the size of the struct, and where each field lies."""
    lines = [f'printf("%zu\\n", sizeof(struct {struct}));']
    for name in fields:
        place = f"offsetof(struct {struct}, {name}), sizeof(((struct {struct} *)0)->{name})"
        element = f"((struct {struct} *)0)->{name}"
        kind = f"_Generic(({element}), int16_t: 1, int64_t: 1, default: 0)"
        lines.append(f'printf("%zu %zu %d\\n", {place}, {kind});')
    size, *rows = compiled(
        folder,
        f"#include <stddef.h>\n#include <stdio.h>\n#include <{HEADERS[struct]}>\n"
        f"int main(void)\n{{\n{chr(10).join(lines)}\n}}\n",
    )
    numbers = [tuple(map(int, row.split())) for row in rows]
    return int(size), {
        name: Layout(offset, width, bool(sign))
        for name, (offset, width, sign) in zip(fields, numbers, strict=True)
    }


def field_layout(dtype: np.dtype[np.void], name: str) -> Layout:
    assert dtype.fields is not None
    field, offset = dtype.fields[name][:2]
    return Layout(int(offset), field.itemsize, field.kind == "i")


@pytest.mark.parametrize("struct", HEADERS)
def test_every_field_lies_where_the_compiler_puts_it(struct: str, tmp_path: Path) -> None:
    dtype = struct_dtype(struct)
    assert dtype.names
    size, expected = layouts(tmp_path, struct, dtype.names)
    assert dtype.itemsize == size
    assert {name: field_layout(dtype, name) for name in dtype.names} == expected


def test_record_has_the_fields_of_the_contract_and_no_gap() -> None:
    assert EVENT_DTYPE.names == (
        "end_ns",
        "latency_ns",
        "session_id",
        "mid",
        "tree_id",
        "pid",
        "status",
        "error",
        "command",
        "flags",
        "comm",
    )
    assert EVENT_DTYPE.itemsize == 64
    assert sum(field_layout(EVENT_DTYPE, name).size for name in EVENT_DTYPE.names) == 64


def test_numpy_reads_what_c_wrote(tmp_path: Path) -> None:
    record = (
        "{.end_ns = ~0ULL, .latency_ns = 1ULL << 40, .session_id = 0x8000000000000001ULL, "
        ".mid = 3, .tree_id = ~0U, .pid = 4000000, .status = 0xC0000022, .error = -13, "
        '.command = 18, .flags = AOD_EVENT_MATCHED, .comm = "sixteen letters"}'
    )
    lines = compiled(
        tmp_path,
        "#include <stdio.h>\n#include <event.h>\n"
        f"int main(void)\n{{\nstruct aod_event event = {record};\n"
        "for (unsigned i = 0; i < sizeof(event); i++)\n"
        'printf("%02x", ((unsigned char *)&event)[i]);\nputs("");\n}\n',
    )
    (read,) = np.frombuffer(bytes.fromhex(lines[0]), EVENT_DTYPE).tolist()
    assert read == (
        2**64 - 1,
        1 << 40,
        0x8000000000000001,
        3,
        2**32 - 1,
        4_000_000,
        0xC0000022,
        -13,
        18,
        event.MATCHED,
        b"sixteen letters",
    )


def test_limits_and_flags_are_the_headers(tmp_path: Path) -> None:
    names = {
        "AOD_COMMANDS": event.COMMANDS,
        "AOD_ERRNO_LIMIT": event.ERRNO_LIMIT,
        "AOD_EVENT_IN_FLIGHT": event.IN_FLIGHT,
        "AOD_EVENT_MATCHED": event.MATCHED,
        "AOD_EVENT_CONNECTION": event.CONNECTION,
        "AOD_EVENT_UNANSWERED": event.UNANSWERED,
    }
    prints = "".join(f'printf("%d\\n", {name});\n' for name in names)
    source = f"#include <stdio.h>\n#include <event.h>\nint main(void)\n{{\n{prints}}}\n"
    assert [int(line) for line in compiled(tmp_path, source)] == list(names.values())


def test_joined_records_are_a_copy_of_all_of_them() -> None:
    bytes_of = np.random.default_rng(1).integers(0, 256, (7, EVENT_DTYPE.itemsize), np.uint8)
    records = bytes_of.view(EVENT_DTYPE).ravel()
    copy = joined(records[4:], records[:0], records[3::-1])
    assert copy.dtype == EVENT_DTYPE
    assert copy.tobytes() == bytes_of[[4, 5, 6, 3, 2, 1, 0]].tobytes()
    assert not np.shares_memory(copy, records)
    assert len(joined(records[:0])) == 0
