"""The lines of a span of time, wherever in however large a file they are."""

import bz2
import gzip
import lzma
import os
import time
from collections.abc import Callable
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
        (b"<34>1 2023-11-14T22:13:20.003Z ws01 su - ID47 - x", NOW + 0.003),
        (b"<13>Nov 14 22:13:20 host app: x", NOW),
        (b"2023-11-14 22:13:20 ws01 kernel: x", NOW),
        (b"2023-11-14 22:13:20,500 ws01 kernel: x", NOW + 0.5),
        (b"2023 Nov 14 22:13:20 ws01 app: x", NOW),
        (b"2022 Nov 14 22:13:20 ws01 app: x", NOW - 365 * 86_400),
        (b"\xef\xbb\xbf2023-11-14T22:13:20Z the first line", NOW),
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
        b"2023-11-14 later",
        b"2023 things happened",
        b"<34>1 - ws01 su - a time that is not given",
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
    head, _, rest = told.partition("\n")
    assert head == f"==> {path} <== (times unknown, so its last 1 MiB)"
    assert 0 <= (1 << 20) - len(rest) < 14


def test_one_line_without_end_is_shown_in_pieces(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "syslog"
    path.write_text(f"{rfc3339(NOW)} {'x' * 3_000_000}\n{rfc3339(NOW)} y\n")
    told = show(path, NOW, NOW, capfdbinary)
    assert told.endswith(" y\n")
    assert told.count("x") == 3_000_000
    assert len(told) < 3_001_000


ROTATED = (
    "messages-20231113",
    "messages.3.bz2",
    "messages-20231114.xz",
    "messages.2.gz",
    "messages-2023-11-14",
    "messages-20231114-1700000000",
    "messages.1",
)


def test_what_was_rotated_away_comes_first(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "gz": gzip.compress,
    }
    for number, name in enumerate((*ROTATED, "messages")):
        path = tmp_path / name
        text = f"{rfc3339(NOW - 20 + number)} host {name}\n".encode()
        path.write_bytes(pack.get(name.rpartition(".")[2], bytes)(text))
        os.utime(path, (NOW - 20 + number, NOW - 20 + number))
    for name in ("messages-copy", "messages.1.old", "messages2", "messages.gz"):
        (tmp_path / name).write_text(f"{rfc3339(NOW)} host not me\n")
    told = show(tmp_path / "messages", NOW - 19, NOW, capfdbinary)
    found = [line.split()[-1] for line in told.splitlines() if "host" in line]
    assert found == [*ROTATED[1:], "messages"]


def test_how_far_a_log_reaches_back_is_reported(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "syslog"
    path.write_text(f"{rfc3339(NOW - 10)} host app: first\n")
    lookback.main(str(NOW - 60), str(NOW), str(path))
    assert capfdbinary.readouterr().err == b"the log begins 50 s after the look-back\n"
    (tmp_path / "syslog.1").touch()
    os.utime(tmp_path / "syslog.1", (NOW - 100, NOW - 100))  # nothing lies between the two
    lookback.main(str(NOW - 60), str(NOW), str(path))
    assert capfdbinary.readouterr().err == b""


def test_a_damaged_archive_costs_only_itself(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "syslog.1.gz").write_bytes(b"no archive")
    (tmp_path / "syslog").write_text(f"{rfc3339(NOW)} host app: here\n")
    assert lookback.main(str(NOW - 60), str(NOW), str(tmp_path / "syslog")) == 1
    told = capfdbinary.readouterr()
    assert b"app: here" in told.out
    assert told.err.startswith(f"{tmp_path}/syslog.1.gz: Not a gzipped file".encode())


def test_what_is_unpacked_has_a_limit(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookback, "_UNPACKED_BYTES", 1000)
    line = f"{rfc3339(NOW)} host app: x\n".encode()
    (tmp_path / "syslog.1.gz").write_bytes(gzip.compress(line * 10_000))
    (tmp_path / "syslog").touch()
    lookback.main(str(NOW), str(NOW), str(tmp_path / "syslog"))
    told = capfdbinary.readouterr()
    assert told.out.count(line) == 1000 // len(line) + 1
    assert told.err.startswith(b"only the first 0 MiB of ")


def test_a_file_that_nobody_wrote_since_is_not_read(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, old = tmp_path / "messages", tmp_path / "messages.1"
    path.touch()
    old.write_text("no time here\n")
    os.utime(old, (NOW - 100, NOW - 100))
    assert show(path, NOW - 60, NOW, capfdbinary) == f"==> {path} <==\n"


@pytest.mark.parametrize("relative", [False, True])
def test_a_link_of_roots_is_followed(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], *, relative: bool
) -> None:
    """/var/log/messages -> /data/log/messages, as administrators move logs to another disk."""
    target = roots_folder(tmp_path) / "messages"
    target.write_text(f"{rfc3339(NOW)} host app: there\n")
    link = tmp_path / "messages"
    link.symlink_to(f"{target.parent.name}/messages" if relative else target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookback, "_is_roots", lambda folder: Path(folder) == target.parent)
        assert lookback.main(str(NOW), str(NOW), str(link)) == 0
    assert "app: there" in capfdbinary.readouterr().out.decode()


def roots_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_a_link_that_others_may_have_made_is_not_followed(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "other").mkdir()
    target, link = tmp_path / "other" / "secret", tmp_path / "syslog"
    target.write_text(f"{rfc3339(NOW)} host secret\n")
    link.symlink_to(target)
    os.lchown(link, 1000, 1000)
    assert lookback.main("0", str(NOW), str(link)) == 1
    os.lchown(link, 0, 0)
    (tmp_path / "other").chmod(0o777)
    assert lookback.main("0", str(NOW), str(link)) == 1
    (tmp_path / "other").chmod(0o770)
    os.chown(tmp_path / "other", 0, 1000)
    assert lookback.main("0", str(NOW), str(link)) == 1
    told = capfdbinary.readouterr()
    why = f"{link}: a link that others than root may have made is not followed\n"
    assert (told.out, told.err.decode()) == (b"", why * 3)


def test_what_is_no_file_is_not_read(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    os.mkfifo(tmp_path / "syslog")
    assert lookback.main("0", str(NOW), str(tmp_path / "syslog")) == 1
    assert capfdbinary.readouterr().err == f"{tmp_path}/syslog: not a regular file\n".encode()


def test_times_of_other_zones_are_compared_as_moments() -> None:
    elsewhere = datetime.fromtimestamp(NOW, timezone(timedelta(hours=-7))).isoformat()
    assert lookback.stamp(f"{elsewhere} host".encode(), NOW) == NOW
