"""The small files and the recordings: each reader gives what it can, or raises its own error."""

import io
import tempfile
import zlib
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from aod.recording import format as recording_format
from aod.recording.format import Kind, RecordingError
from aod.recording.reader import Recording
from aod.smb import peers
from aod.state import counters
from aod.state.counters import SNAPSHOT_DTYPE
from aod.status import anomalies
from tests.fuzz.provider import Provider

_FOLDER: Final = tempfile.TemporaryDirectory(prefix="aod-fuzz-", dir="/dev/shm")
FOLDER: Final = Path(_FOLDER.name)
HEAD: Final = recording_format.Head(
    program="aodv2",
    layout=recording_format.layout(),
    start_ns=1,
    realtime_offset_ns=2,
    host="here",
    kernel="6.1",
    config_file="/etc/aod/aod.yaml",
    config="",
)


def _counters(given: Provider) -> None:
    slots = counters.CLOSE_SLOTS + counters.FAR_SLOTS
    slot = bytearray(given.take(32).ljust(SNAPSHOT_DTYPE.itemsize, b"\2"))
    packed = zlib.crc32(slot).to_bytes(8, "little") + slot
    file = counters._MAGIC + (packed + bytes(len(packed))) * (slots // 2)
    file = file[: given.number(1 << 16)] if not given.number(8) else file
    (FOLDER / counters.NAME).write_bytes(file + given.frame()[: given.number(2)])
    try:
        found = counters.read(FOLDER)
    except ValueError:
        return
    assert np.all(np.diff(found["taken_ns"].astype(np.int64)) > 0)


def _names(given: Provider) -> None:
    try:
        found = peers.decode(given.rest())
    except ValueError:
        return
    assert all(name.isprintable() for name in (*found.shares.values(), *found.servers.values()))
    assert peers.decode(peers.encode(found)) == found


def _episodes(given: Provider) -> None:
    path = FOLDER / anomalies.FILE.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(given.rest())
    lines = anomalies.render(anomalies.FILE.read(FOLDER), 1)
    assert not any("\x1b" in line or "\n" in line for line in lines)


def _recording(given: Provider) -> None:
    kinds = [Kind.HEAD, *Kind]
    whole = recording_format.MAGIC + recording_format.encode(Kind.HEAD, msgspec.json.encode(HEAD))
    for _ in range(given.number(4)):
        whole += recording_format.encode(given.choice(kinds), given.take(given.number(256)))
    file = bytearray(whole)
    for _ in range(given.number(3)):
        file[given.number(len(file))] ^= given.number(256)
    file += given.rest()
    try:
        recording = Recording(io.BytesIO(file), len(file) - given.number(2))
        for batch in recording.batches():
            assert batch.dtype.itemsize == 64
    except RecordingError:
        pass


def one(data: bytes) -> None:
    """One input: the content of one of these files."""
    given = Provider(data)
    given.choice((_counters, _names, _episodes, _recording))(given)
