"""Frames: what goes in comes out, and nothing else ever does."""

import io
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.recording.format import (
    MAGIC,
    MAX_PLAIN,
    Frame,
    Kind,
    RecordingError,
    encode,
    read_frames,
)

KINDS = tuple(Kind)
WRITTEN = st.lists(st.tuples(st.sampled_from(KINDS), st.binary(max_size=300)), max_size=5)


def stored(*written: tuple[Kind, bytes]) -> bytes:
    return MAGIC + b"".join(encode(kind, content) for kind, content in written)


def read(raw: bytes, *wanted: Kind) -> tuple[list[Frame], int]:
    """The frames, and where the last one ends."""
    frames = list(read_frames(io.BytesIO(raw), len(raw), wanted or KINDS))
    return frames, frames[-1].end if frames else len(MAGIC)


def refusal(raw: bytes) -> str:
    with pytest.raises(RecordingError) as caught:
        read(raw)
    return str(caught.value)


@given(WRITTEN)
def test_what_was_written_is_read(written: list[tuple[Kind, bytes]]) -> None:
    raw = stored(*written)
    ends = [len(stored(*written[: count + 1])) for count in range(len(written))]
    expected = [
        Frame(kind, len(content), content, end)
        for (kind, content), end in zip(written, ends, strict=True)
    ]
    assert read(raw) == (expected, len(raw))


@given(WRITTEN, st.data())
def test_of_a_file_that_is_cut_the_whole_frames_are_read(
    written: list[tuple[Kind, bytes]], data: st.DataObject
) -> None:
    raw = stored(*written)
    cut = data.draw(st.integers(len(MAGIC), len(raw)))
    ends = [len(stored(*written[:count])) for count in range(len(written) + 1)]
    whole = [end for end in ends if end <= cut]
    frames, at = read(raw[:cut])
    assert [frame.content for frame in frames] == [
        content for _, content in written[: len(whole) - 1]
    ]
    assert at == whole[-1]


@settings(max_examples=300)
@given(st.data())
def test_a_byte_that_changed_is_never_content(data: st.DataObject) -> None:
    """It damages its frame, or makes it look cut; what comes before is as it was."""
    written = [(Kind.NAMES, b"names" * 20), (Kind.EVENTS, bytes(range(256)))]
    raw = bytearray(stored(*written))
    at = data.draw(st.integers(len(MAGIC), len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    found: list[Frame] = []
    try:
        found.extend(read_frames(io.BytesIO(raw), len(raw), KINDS))
    except RecordingError as error:
        assert str(error).startswith("damaged at byte ")
    untouched = 0 if at < len(stored(written[0])) else 1
    assert [frame.content for frame in found] == [content for _, content in written[:untouched]]


@given(st.binary(max_size=200))
def test_what_is_no_frame_is_refused_or_cut(tail: bytes) -> None:
    raw = stored((Kind.MARK, b"x")) + tail
    found: list[Frame] = []
    try:
        found.extend(read_frames(io.BytesIO(raw), len(raw), KINDS))
    except RecordingError:
        assert len(tail) >= 16
    assert [frame.end for frame in found] == [len(raw) - len(tail)]


def test_a_kind_that_is_not_wanted_is_passed_over_with_its_size() -> None:
    raw = stored((Kind.EVENTS, b"12345"), (Kind.MARK, b"mark"))
    frames, _ = read(raw, Kind.MARK)
    middle = len(stored((Kind.EVENTS, b"12345")))
    assert frames == [Frame(Kind.EVENTS, 5, b"", middle), Frame(Kind.MARK, 4, b"mark", len(raw))]


def test_damage_names_the_byte_at_which_the_frame_begins() -> None:
    raw = stored((Kind.MARK, b"mark")) + b"JUNK" + bytes(12)
    assert refusal(raw) == f"damaged at byte {len(raw) - 16}: no frame begins there"


def forged(kind: bytes, packed: bytes, plain_bytes: int, stored_bytes: int | None = None) -> bytes:
    """A frame whose checksum is right, whatever is in it."""
    checked = kind + (len(packed) if stored_bytes is None else stored_bytes).to_bytes(4, "little")
    checked += plain_bytes.to_bytes(4, "little")
    return MAGIC + checked + zlib.crc32(packed, zlib.crc32(checked)).to_bytes(4, "little") + packed


BOMB = zstandard.ZstdCompressor().compress(bytes(100 << 20))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (forged(b"EVNT", BOMB, 64), "it has another size than it says"),
        (forged(b"EVNT", BOMB, 100 << 20), f"allowed: {MAX_PLAIN}"),
        (forged(b"EVNT", b"", 0, 2**32 - 1), f"allowed: {MAX_PLAIN}"),
        (forged(b"EVNT", b"no zstd", 7), "damaged at byte 8"),
        (forged(b"EVNT", zstandard.ZstdCompressor(write_content_size=False).compress(b"x"), 1),
         "it has another size than it says"),
    ],
    ids=["bomb that says little", "bomb that says much", "large", "no zstd", "without size"],
)  # fmt: skip
def test_hostile_frame_is_refused_before_memory_is_taken(raw: bytes, expected: str) -> None:
    assert expected in refusal(raw)


def test_file_that_shrinks_while_it_is_read_is_damaged() -> None:
    raw = stored((Kind.MARK, b"mark"), (Kind.MARK, b"mark"))
    frames = read_frames(io.BytesIO(raw[:-3]), len(raw), KINDS)
    with pytest.raises(RecordingError, match="damaged at byte"):
        list(frames)
