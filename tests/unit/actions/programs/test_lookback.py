"""The lines of a span of time, wherever in however large a file they are."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.actions.programs import lookback

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def rfc3339(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="milliseconds")


def traditional(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%b %e %H:%M:%S")


@pytest.mark.parametrize(
    ("line", "second"),
    [
        (b"2023-11-14T22:13:20.500000+00:00 host app: x", NOW + 0.5),
        (b"2023-11-14T22:13:20Z host", NOW),
        (b"2023-11-15T03:43:20+05:30 host", NOW),
        (b"Nov 14 22:13:20 host app[1]: x", NOW),
        (b"Nov  4 22:13:20 host", NOW - 10 * 86_400),
        (b"Dec 31 23:59:59 host", NOW + 47 * 86_400 + 6399),
        (b"Jun  1 00:00:00 host", 1_685_577_600),
    ],
)
def test_the_time_of_a_line(line: bytes, second: float) -> None:
    assert lookback.stamp(line, NOW) == second


def test_a_year_that_is_not_said_is_the_nearest() -> None:
    new_year = datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC).timestamp()
    assert lookback.stamp(b"Dec 31 23:59:59 host", new_year) == new_year - 31
    assert lookback.stamp(b"Jan  1 00:00:40 host", new_year) == new_year + 10


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\tat continuation",
        b"2023-99-99T99:99:99Z x",
        b"2023-11-14 22:13:20 not RFC 3339",
        b"Nox 14 22:13:20 host",
        b"Nov xx 22:13:20 host",
        b"\xff\xfe\xff\xfe-\xff\xff\xff\xff\xffT\xff",
        b"2023-11-14T",
    ],
)
def test_other_lines_have_none(line: bytes) -> None:
    assert lookback.stamp(line, NOW) is None


def show(path: Path, since: float, until: float, capfdbinary: pytest.CaptureFixture[bytes]) -> str:
    os.utime(path, (until, until))
    lookback.main(str(since), str(until), str(path))
    return capfdbinary.readouterr().out.decode()


LINES = st.lists(st.tuples(st.sampled_from(["stamped", "continued"]), st.integers(0, 30)))


@given(
    spoken=LINES,
    stamped=st.sampled_from([rfc3339, traditional]),
    since=st.integers(0, 400),
    span=st.integers(0, 400),
    block=st.integers(60, 400),
)
def test_what_is_shown_is_what_a_plain_reading_finds(  # the fixtures only set the surroundings
    tmp_path_factory: pytest.TempPathFactory,
    spoken: list[tuple[str, int]],
    stamped: object,
    since: int,
    span: int,
    block: int,
) -> None:
    assert callable(stamped)
    second, lines, expected, within = NOW, [], [], False
    low, high = NOW + since, NOW + since + span
    for number, (kind, step) in enumerate(spoken):
        if kind == "stamped":
            second += step
            within = low <= second <= high
            lines.append(f"{stamped(second)} host app: {number}".encode())
        else:
            lines.append(f"\tcontinued {number}".encode())
        expected += lines[-1:] if within else []
    path = tmp_path_factory.mktemp("log") / "syslog"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr(lookback, "_BLOCK", block)
        size = path.stat().st_size
        start = lookback.start_of(file.fileno(), size, low, high)
        if start is None:  # the last block has no time in it: shown by size
            tail = b"\n".join(lines)[-(block - 1) :]
            assert b"host" not in tail.partition(b"\n")[2]
            return
        found = lookback.wanted(lookback.lines(file.fileno(), start, size), low, high)
        assert list(found) == expected


def test_a_time_that_is_cut_at_the_end_of_a_block_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`2023-11-14T22:13` is a time, too, and an earlier one."""
    path = tmp_path / "syslog"
    heads = {"s": f"{rfc3339(NOW)} host app: ", "c": "\tcontinued "}
    lines = (f"{heads[kind]}{number}\n" for number, kind in enumerate("scscscsssccs"))
    path.write_text("".join(lines))
    monkeypatch.setattr(lookback, "_BLOCK", 60)
    with path.open("rb") as file:
        assert lookback.start_of(file.fileno(), path.stat().st_size, NOW, NOW) == 0


def test_a_huge_file_is_not_read_from_its_start(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "syslog"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: nobody could read it
        file.seek(1 << 40)
        file.write(b"\n")
        for second in range(NOW - 10_000, NOW + 1):
            file.write(f"{rfc3339(second)} host app: {second}\n".encode())
    told = show(path, NOW - 2, NOW, capfdbinary).splitlines()
    assert told[0] == f"==> {path} <=="
    assert [line.rpartition(" ")[2] for line in told[1:]] == [str(NOW - 2), str(NOW - 1), str(NOW)]


def test_a_file_without_times_is_shown_by_its_size(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "syslog"
    path.write_text("no time here\n" * 200_000)
    told = show(path, NOW - 2, NOW, capfdbinary)
    assert (1 << 20) <= len(told) < (1 << 20) + 100


def test_one_line_without_end_is_shown_in_pieces(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "syslog"
    path.write_text(f"{rfc3339(NOW)} {'x' * 3_000_000}\n{rfc3339(NOW)} y\n")
    told = show(path, NOW, NOW, capfdbinary)
    assert told.endswith(" y\n")
    assert told.count("x") == 3_000_000
    assert len(told) < 3_001_000


def test_what_was_rotated_away_comes_first(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    names = ("messages-20231113", "messages-20231114", "messages.1", "messages")
    for number, name in enumerate(names):
        path = tmp_path / name
        path.write_text(f"{rfc3339(NOW - 4 + number)} host {name}\n")
        os.utime(path, (NOW, NOW))
    for name in ("messages-20231115.gz", "messages-copy", "messages.2"):
        (tmp_path / name).write_text(f"{rfc3339(NOW)} host not me\n")
    told = show(tmp_path / "messages", NOW - 60, NOW, capfdbinary)
    assert [line.split()[-1] for line in told.splitlines() if "host" in line] == list(names[1:])


def test_a_file_that_nobody_wrote_since_is_not_read(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, old = tmp_path / "messages", tmp_path / "messages.1"
    path.touch()
    old.write_text("no time here\n")
    os.utime(old, (NOW - 100, NOW - 100))
    assert show(path, NOW - 60, NOW, capfdbinary) == f"==> {path} <==\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "syslog").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="symbolic"):
        lookback.main("0", "1", str(tmp_path / "syslog"))


def test_times_of_other_zones_are_compared_as_moments() -> None:
    elsewhere = datetime.fromtimestamp(NOW, timezone(timedelta(hours=-7))).isoformat()
    assert lookback.stamp(f"{elsewhere} host".encode(), NOW) == NOW
