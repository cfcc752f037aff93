"""A bundle's archive: a zstd-compressed tar, on the disk under another name before it has its own.

A death at any moment leaves a complete archive or none."""

import os
import tarfile
from pathlib import Path
from typing import Final

import zstandard

from aod.files import FILE_MODE, FOLDER_MODE, create, sync_folder

_BLOCK_BYTES: Final = 1 << 16


def pack(
    folder: Path, unfinished: Path, level: int, first: tuple[str, ...] = (), *, name: str = ""
) -> None:
    """Pack a folder of plain files, but those with a hidden name, into a new file, on the disk when
    this returns.

    `first` are the files that a reader wants first, `name` what the folder is called in it. Blocks
    for as long as the disk does: not for the event loop. Raises OSError: it cannot be written;
    nothing is left then."""
    name = name or folder.name
    rank = {name: number for number, name in enumerate(first)}
    shown = (path for path in folder.iterdir() if not path.name.startswith("."))
    ordered = sorted(shown, key=lambda path: (rank.get(path.name, len(first)), path.name))
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
    try:
        with create(unfinished) as file:
            with (
                compressor.stream_writer(file, closefd=False) as stream,
                tarfile.open(fileobj=stream, mode="w|", bufsize=_BLOCK_BYTES) as tar,
            ):
                tar.add(folder, name, recursive=False, filter=_plain)
                for path in ordered:
                    tar.add(path, f"{name}/{path.name}", recursive=False, filter=_plain)
                # Each member refers to its archive, and so would keep the compressor's megabytes
                # until the garbage collector comes by.
                tar.getmembers().clear()
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def publish(unfinished: Path, archive: Path) -> int:
    """Give a packed archive its name, in the same folder; its size.

    Raises OSError: it cannot be renamed; nothing is left then."""
    size_bytes = unfinished.stat().st_size  # once it has its name, cleanup may delete it
    try:
        unfinished.rename(archive)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(archive.parent)
    return size_bytes


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owners and modes of this host mean nothing elsewhere."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = FOLDER_MODE if member.isdir() else FILE_MODE
    return member
