"""A recording from its writer to its reader: all of it, or all that was written before a death."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aod.event import EVENT_DTYPE, Events
from aod.recording.format import (
    MAGIC,
    MAX_RECORDS,
    Kind,
    Mark,
    RecordingError,
    encode,
    pack_records,
    read_frames,
    unpack_records,
)
from aod.recording.reader import Recording
from aod.recording.writer import RecordingWriteError, Writer
from aod.smb.peers import Names
from tests.unit.recordings import NAMES, SECOND, batch, head, write

Write = Callable[[int, memoryview], int]


def reading(raw: bytes) -> Recording:
    return Recording(io.BytesIO(raw), len(raw))


def records(recording: Recording) -> Events:
    return np.concatenate([np.zeros(0, EVENT_DTYPE), *recording.batches()])


@given(arrays(EVENT_DTYPE, st.integers(0, 30)))
def test_records_come_back_as_they_were(events: Events) -> None:
    assert unpack_records(pack_records(events)).tobytes() == events.tobytes()


def test_everything_comes_back(tmp_path: Path) -> None:
    recording = reading(write(tmp_path / "r", batch(0, 3), batch(3, 5)).read_bytes())
    assert (recording.head, recording.names) == (head(), NAMES)
    assert recording.last == Mark(
        now_ns=3 * SECOND,
        records=8,
        counters={"SMB2_WRITE": {"finished": 8, "dropped_ring_full": 3}},
        ended=True,
    )
    assert (recording.last.total("finished"), recording.last.dropped) == (8, 3)
    assert (recording.records, recording.damage) == (8, "")
    assert records(recording).tobytes() == batch(0, 8).tobytes()
    assert records(recording).tobytes() == batch(0, 8).tobytes()  # a second time


def test_last_names_and_the_last_mark_count(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path / "r", head())
    for number in range(3):
        writer.add_names(Names(servers={number: "s"}))
        writer.mark(Mark(now_ns=number))
    writer.close()
    recording = reading((tmp_path / "r").read_bytes())
    assert (recording.names, recording.last.now_ns) == (Names(servers={2: "s"}), 2)
    assert not recording.last.ended


def test_records_fill_frames_whatever_the_batches(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path / "r", head())
    for first in range(0, 2 * MAX_RECORDS, 5000):
        writer.add(batch(first, 5000))
    assert writer.records == 35_000
    writer.mark(Mark(now_ns=1))
    writer.close()
    recording = reading((tmp_path / "r").read_bytes())
    assert [len(events) for events in recording.batches()] == [MAX_RECORDS, MAX_RECORDS, 2232]
    assert records(recording).tobytes() == batch(0, 35_000).tobytes()
    assert (tmp_path / "r").stat().st_size == writer.size_bytes


def test_what_is_flushed_is_in_the_file_while_it_is_written(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path / "r", head())
    writer.add(batch(0, 3))
    assert reading((tmp_path / "r").read_bytes()).records == 0
    writer.flush()
    writer.add(batch(3, 3))
    assert records(reading((tmp_path / "r").read_bytes()))["mid"].tolist() == [0, 1, 2]
    writer.close()


def test_of_a_file_cut_anywhere_whole_batches_are_read_or_it_is_refused(tmp_path: Path) -> None:
    raw = write(tmp_path / "r", batch(0, 2), batch(2, 1), batch(3, 4)).read_bytes()
    counts = []
    for size in range(len(raw)):
        try:
            recording = reading(raw[:size])
        except RecordingError as error:
            assert "no recording" in str(error) or "nothing was recorded" in str(error)
            continue
        assert recording.head == head()
        assert not recording.last.ended
        found = records(recording)
        assert found.tobytes() == batch(0, len(found)).tobytes()
        assert (recording.records, recording.damage) == (len(found), "")
        counts.append(len(found))
    assert sorted(set(counts)) == [0, 2, 3, 7]
    assert counts == sorted(counts)


@settings(max_examples=300)
@given(st.data())
def test_damage_leaves_what_comes_before_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("r") / "r"
    raw = bytearray(write(path, batch(0, 2), batch(2, 3)).read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        recording = reading(bytes(raw))
    except RecordingError:
        return
    found = [np.zeros(0, EVENT_DTYPE)]
    try:
        found.extend(recording.batches())
    except RecordingError as error:
        assert "damaged at byte" in str(error)
    read = np.concatenate(found)
    assert read.tobytes() == batch(0, len(read)).tobytes()
    assert len(read) in (0, 2, 5)


@given(st.binary(max_size=300), st.sampled_from(Kind))
def test_frame_of_nonsense_is_refused_or_holds_records(content: bytes, kind: Kind) -> None:
    raw = MAGIC + encode(Kind.HEAD, msgspec.json.encode(head())) + encode(kind, content)
    try:
        recording = reading(raw)
        read = records(recording)
    except RecordingError:
        return
    assert kind in (Kind.HEAD, Kind.NAMES, Kind.EVENTS, Kind.MARK)
    assert len(read) == (len(content) // 64 if kind is Kind.EVENTS else 0)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "no recording"),
        (b"AODREC", "no recording"),
        (b"AODREC2\n", "in another version of the format"),
        (MAGIC, "nothing was recorded"),
        (MAGIC + encode(Kind.EVENTS, b""), "does not begin with its head"),
        (MAGIC + encode(Kind.HEAD, b"{}"), "its head is not understood"),
        (MAGIC + encode(Kind.HEAD, b"[" * 100_000), "its head is not understood"),
        (MAGIC + encode(Kind.HEAD, msgspec.json.encode(head(layout=[("end_ns", "<u4")]))),
         "another layout: written by aodv2 0.1.0"),
        (MAGIC + encode(Kind.HEAD, msgspec.json.encode(head())).replace(b"HEAD", b"DEAD"),
         "no frame begins there"),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_refused(raw: bytes, expected: str) -> None:
    with pytest.raises(RecordingError, match=expected):
        reading(raw)


@pytest.mark.parametrize("size", [1, 63, 65])
def test_no_whole_number_of_records_is_refused(size: int) -> None:
    with pytest.raises(RecordingError, match="no whole number of records"):
        unpack_records(bytes(size))


def test_no_text_of_a_recording_begins_a_line_of_its_own(tmp_path: Path) -> None:
    raw = write(tmp_path / "r", host="a\nb", kernel="\x1b[2J", config_file="c\rd").read_bytes()
    recording = reading(raw)
    assert (recording.head.host, recording.head.kernel) == ("a?b", "?[2J")
    assert recording.head.config_file == "c?d"


def test_recording_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write(tmp_path / "r")
    finally:
        os.umask(old)
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten_unless_that_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "r", batch(0, 1))
    before = path.read_bytes()
    with pytest.raises(RecordingError, match="is there already; --force replaces it"):
        Writer.create(path, head())
    assert path.read_bytes() == before
    Writer.create(path, head(), replace=True).close()
    assert reading(path.read_bytes()).records == 0
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    "make",
    [lambda path: path.symlink_to("victim"), lambda path: path.mkdir(), os.mkfifo],
    ids=["link", "folder", "fifo"],
)
def test_what_is_no_file_is_left_alone(
    tmp_path: Path, make: Callable[[Path], object], replace: bool
) -> None:
    (tmp_path / "victim").write_text("precious")
    make(tmp_path / "r")
    before = (tmp_path / "r").lstat().st_mode
    with pytest.raises(RecordingError, match="no regular file" if replace else "already"):
        Writer.create(tmp_path / "r", head(), replace=replace)
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "r").lstat().st_mode == before


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"none/r cannot be made: No such file"):
        Writer.create(tmp_path / "none" / "r", head(), replace=True)


def test_full_disk_leaves_whole_frames(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path / "r", head())
    writer.add(batch(0, 3))
    writer.flush()
    whole = writer.size_bytes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", _short_of_space(os.write, 100))
        writer.add(np.frombuffer(np.random.default_rng(1).bytes(64 * 99), EVENT_DTYPE))
        with pytest.raises(RecordingWriteError, match=r"No space left on device; .* are whole"):
            writer.flush()
    assert (tmp_path / "r").stat().st_size == whole
    writer.add_names(NAMES)  # there is room again
    writer.close()
    recording = reading((tmp_path / "r").read_bytes())
    assert (recording.names, recording.damage) == (NAMES, "")
    assert records(recording)["mid"].tolist() == [0, 1, 2]


def _short_of_space(write: Write, room: int) -> Write:
    """os.write with that much room on the disk."""

    def limited(fd: int, content: memoryview) -> int:
        nonlocal room
        if not room:
            raise OSError(28, os.strerror(28))
        part = content[:room]
        room -= len(part)
        return write(fd, part)

    return limited


def test_marks_leave_out_what_is_not_there_yet() -> None:
    raw = MAGIC + encode(Kind.MARK, msgspec.json.encode(Mark(now_ns=5)))
    (frame,) = read_frames(io.BytesIO(raw), len(raw), {Kind.MARK})
    assert frame.content == b'{"now_ns":5}'
