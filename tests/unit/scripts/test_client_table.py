"""The client's table, read from modules that a compiler makes here."""

import lzma
import subprocess
from pathlib import Path

import pytest

from scripts.client_table import Element, LayoutError, elements, module_in, open_module, version

ELEMENT = "struct element { unsigned int status; int error; const char *name; };\n"
TABLE = "static const struct element smb2_error_map_table[] __attribute__((used)) = "
ROWS = '{0x103, -5, "STATUS_PENDING"}, {0xC0000022, -13, "STATUS_ACCESS_DENIED"}, '
GOOD = ELEMENT + TABLE + "{" + ROWS + "{0, 0, 0}};\n"
MODINFO = (
    'static const char v[] __attribute__((used, section(".modinfo"))) = "a=b\\0version=2.40";\n'
)


def module(folder: Path, source: str, *options: str) -> Path:
    """`source` compiled, with another pointer before the table's strings."""
    path = folder / "cifs.ko"
    source = 'const char *const before = "STATUS_BEFORE";\n' + source
    command = ["cc", "-O2", "-x", "c", "-c", *options, "-o", str(path), "-"]
    subprocess.run(command, input=source.encode(), check=True)
    return path


def test_the_elements_are_those_of_the_source(tmp_path: Path) -> None:
    opened = open_module(module(tmp_path, GOOD + MODINFO))
    assert elements(opened) == [
        Element(0x103, 5, "STATUS_PENDING"),
        Element(0xC0000022, 13, "STATUS_ACCESS_DENIED"),
    ]
    assert version(opened) == "2.40"


def test_other_kernels_write_two_names_in_one_and_no_empty_element(tmp_path: Path) -> None:
    names = "STATUS_ABANDONED or STATUS_ABANDONED_WAIT_0"
    source = ELEMENT + TABLE + '{{0x80, -5, "' + names + '"}, {1, -5, "STATUS_WAIT_1"}};\n'
    assert elements(open_module(module(tmp_path, source))) == [
        Element(0x80, 5, "STATUS_ABANDONED"),
        Element(0x80, 5, "STATUS_ABANDONED_WAIT_0"),
        Element(1, 5, "STATUS_WAIT_1"),
    ]


def test_a_module_may_be_packed_and_need_not_tell_its_version(tmp_path: Path) -> None:
    plain = module(tmp_path, GOOD)
    packed = tmp_path / "cifs.ko.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert elements(open_module(packed)) == elements(open_module(plain))
    assert version(open_module(packed)) == ""


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("int other;\n", "has 0 tables"),
        (ELEMENT + TABLE + "{" + ROWS + "{1, 0, 0}};\n", "an element has no string"),
        (ELEMENT + TABLE + '{{1, -5, 0}, {2, -5, "B"}, {0}};\n', "an element has no string"),
        (ELEMENT + TABLE + '{{1, 5, "STATUS_WAIT_1"}, {0}};\n', "0x00000001 has errno 5"),
        (ELEMENT + TABLE + '{{1, -5, "STATUS WAIT"}, {0}};\n', "the name 'STATUS WAIT'"),
        ("static int smb2_error_map_table[] __attribute__((used)) = {1, 2, 3};\n", "12 bytes"),
    ],
)
def test_what_is_built_otherwise_is_refused(tmp_path: Path, source: str, why: str) -> None:
    with pytest.raises(LayoutError, match=why):
        elements(open_module(module(tmp_path, source)))


def test_what_is_no_module_is_refused(tmp_path: Path) -> None:
    for name, content in {"cifs.ko": b"text", "cifs.ko.xz": b"text"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LayoutError, match=name):
            open_module(tmp_path / name)


def test_the_module_is_found_wherever_it_is(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="0 files"):
        module_in(tmp_path)
    folder = tmp_path / "kernel" / "fs" / "smb" / "client"
    folder.mkdir(parents=True)
    (folder / "cifs.ko.xz").touch()
    (folder / "cifs_arc4.ko").touch()
    assert module_in(tmp_path) == folder / "cifs.ko.xz"
