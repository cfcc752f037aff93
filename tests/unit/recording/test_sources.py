"""Every form of a file of records is opened by what is in it, and gives the same records."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aod.bundles import archive
from aod.event import EVENT_DTYPE, Events
from aod.recording.format import MAX_RECORDS, RecordingError
from aod.recording.sources import Source, opened
from scripts.vm.tools import REPO
from tests.unit.recordings import NAMES, OFFSET_NS, SECOND, batch, write

DATA = REPO / "tests" / "unit" / "data"


def records(source: Source) -> Events:
    return np.concatenate([np.zeros(0, EVENT_DTYPE), *source.batches()])


def sealed(tmp_path: Path, *, events: bytes | None, trigger_ns: int = 5) -> Path:
    """A bundle, as capture makes it."""
    folder = tmp_path / "aod_7"
    folder.mkdir()
    times = {"timestamp": OFFSET_NS + trigger_ns, "trigger_ns": trigger_ns, "count": 11}
    (folder / "anomaly.json").write_text(json.dumps(times))
    (folder / "manifest.json").write_text("{}")
    (folder / "debugdata.log").write_bytes((DATA / "debugdata-6.1.txt").read_bytes())
    if events is not None:
        (folder / "events.npy").write_bytes(events)
    archive.pack(folder, tmp_path / "b", 3, ("manifest.json", "anomaly.json"))
    return tmp_path / "b"


def npy(events: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, events, allow_pickle=False)
    return buffer.getvalue()


def refusal(path: Path) -> str:
    with pytest.raises(RecordingError) as caught, opened(path) as source:
        records(source)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_recording_gives_records_names_and_clock(tmp_path: Path) -> None:
    write(tmp_path / "r", batch(0, 10), batch(10, 5))
    with opened(tmp_path / "r") as source:
        assert records(source).tobytes() == batch(0, 15).tobytes()
        assert (source.realtime_offset_ns, source.names) == (OFFSET_NS, NAMES)
        assert source.recording is not None
        assert source.recording.last.ended


def test_npy_gives_records_and_knows_no_more(tmp_path: Path) -> None:
    (tmp_path / "e.npy").write_bytes(npy(batch(0, 2 * MAX_RECORDS + 1)))
    with opened(tmp_path / "e.npy") as source:
        assert records(source).tobytes() == batch(0, 2 * MAX_RECORDS + 1).tobytes()
        assert len(records(source)) == 2 * MAX_RECORDS + 1  # a second time
        assert (source.realtime_offset_ns, source.recording) == (0, None)


def test_npy_in_any_order_is_sorted(tmp_path: Path) -> None:
    events = batch(0, 3)
    events["end_ns"] = [9 * SECOND, 4 * SECOND, 5 * SECOND]
    (tmp_path / "e.npy").write_bytes(npy(events))
    with opened(tmp_path / "e.npy") as source:
        assert records(source)["mid"].tolist() == [1, 2, 0]


def test_bundle_gives_records_the_clock_and_the_names_of_its_debugdata(tmp_path: Path) -> None:
    with opened(sealed(tmp_path, events=npy(batch(0, 20_000)))) as source:
        assert records(source).tobytes() == batch(0, 20_000).tobytes()
        assert source.realtime_offset_ns == OFFSET_NS
        assert r"\\127.0.0.1\share" in source.names.shares.values()


def test_bundle_without_records_is_refused(tmp_path: Path) -> None:
    assert "a bundle without events.npy" in refusal(sealed(tmp_path, events=None))


def test_empty_files_of_every_form_have_no_records(tmp_path: Path) -> None:
    (tmp_path / "e.npy").write_bytes(npy(batch(0, 0)))
    for path in (
        tmp_path / "e.npy",
        write(tmp_path / "r"),
        sealed(tmp_path, events=npy(batch(0, 0))),
    ):
        with opened(path) as source:
            assert len(records(source)) == 0


@pytest.mark.parametrize("end_ns", [2**62 + 1, 2**63, 2**64 - 1])
def test_time_that_no_clock_tells_is_refused(tmp_path: Path, end_ns: int) -> None:
    events = batch(0, 2)
    events["end_ns"][1] = end_ns
    assert "a record's time is one that no clock reaches" in refusal(write(tmp_path / "r", events))


def test_link_is_followed_for_it_was_named_by_a_person(tmp_path: Path) -> None:
    write(tmp_path / "r", batch(0, 1))
    (tmp_path / "link").symlink_to("r")
    with opened(tmp_path / "link") as source:
        assert len(records(source)) == 1


def test_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in refusal(tmp_path / "fifo")


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "none")
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def zipped(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def tarred(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return zipped(buffer.getvalue())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "no recording; allowed: what `aod record` wrote, a bundle"),
        (b"AODREC9\nx", "another version of the format"),
        (b"\x93NUMPY", "no file of numpy's"),
        (b"\x93NUMPY\x01\x00\x05\x00{(((\n", "no file of numpy's"),
        (b"\x93NUMPY\x07\x00\x05\x00{}", "version (7, 0) of numpy's format"),
        (npy(np.zeros(3)), "float64 (3,), not records"),
        (npy(np.zeros((2, 2), EVENT_DTYPE)), "(2, 2), not records"),
        (npy(batch(0, 3)).replace(b"(3,)", b"(-3,)"), "(-3,), not records"),
        (npy(batch(0, 3))[:-1], "cut: 1 of its records are missing"),
        (zipped(b""), "cannot be read"),
        (zipped(b"no tar at all" * 100), "cannot be read"),
        (tarred(("x/anomaly.json", b"{}")), "its anomaly.json is not understood"),
        (tarred(("x/events.npy", b"short")), "no file of numpy's"),
        (tarred(("x/events.npy", npy(batch(0, 9))[:-65])), "cut: 2 of its records"),
        (tarred(("x/events.npy", npy(batch(0, 9000))))[:-300], "cannot be read"),
        (b"\x28\xb5\x2f\xfdjunk and more junk", "cannot be read"),
    ],
)
def test_what_is_no_file_of_records_is_refused(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    (tmp_path / "f").write_bytes(content)
    assert expected in refusal(tmp_path / "f")


@settings(max_examples=300)
@given(st.data())
def test_bytes_that_changed_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("s") / "f"
    form = data.draw(st.sampled_from(["npy", "tar", "plain tar"]))
    raw = bytearray(
        npy(batch(0, 3)) if form == "npy" else tarred(("x/events.npy", npy(batch(0, 3))))
    )
    if form == "plain tar":
        raw = bytearray(zstandard.ZstdDecompressor().decompress(bytes(raw)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(6, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(zipped(bytes(raw)) if form == "plain tar" else raw)
    try:
        with opened(path) as source:
            assert records(source).dtype == EVENT_DTYPE
    except RecordingError:
        pass


@given(st.text(max_size=60), st.binary(max_size=80))
def test_heads_of_numpys_format_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, text: str, tail: bytes
) -> None:
    path = tmp_path_factory.mktemp("s") / "f"
    head = text.encode("latin-1", "replace")
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + tail)
    assert refusal(path)
