"""Files in pieces: nothing is lost, and a line stays whole unless it is very long."""

import io

from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.redact.folder import chunks


@given(content=st.binary(max_size=400), size=st.integers(1, 20))
def test_the_pieces_are_the_file(content: bytes, size: int) -> None:
    assert b"".join(chunks(io.BytesIO(content), size)) == content


@given(
    lines=st.lists(st.binary(max_size=10).map(lambda line: line.replace(b"\n", b"")), max_size=50)
)
def test_lines_stay_whole(lines: list[bytes]) -> None:
    content = b"".join(line + b"\n" for line in lines)
    for chunk in chunks(io.BytesIO(content), 12):
        assert chunk.endswith(b"\n")
