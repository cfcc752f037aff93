"""What a file of records suggests, and that it holds what it promises."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aod.cli.aod import main
from aod.config.load import Loaded, load, load_text
from aod.detectors.latency import Latency
from aod.event import EVENT_DTYPE, Events
from aod.recording.sources import opened
from aod.replay.evaluation import Evaluation
from aod.replay.report import described
from aod.replay.suggest import suggest
from aod.replay.suggestion import CommandReport, Suggestion, render, snippet
from aod.smb.commands import Command
from scripts.vm.tools import REPO
from tests.unit.recordings import write
from tests.unit.replay.replaying import TEXT, config, mixed, operations

THRESHOLDS_MS = (10.0, 20.0, 50.0)


def suggestion(folder: Path, events: Events, text: str = TEXT) -> Suggestion:
    with opened(write(folder / "r", events)) as source:
        return suggest(source, config(text), THRESHOLDS_MS)


def report(found: Suggestion, command: Command) -> CommandReport:
    (one,) = (one for one in found.commands if one.command == command.name)
    return one


def pasted(found: Suggestion, text: str = TEXT) -> Loaded:
    """The configuration with what is suggested, in the place of the anomaly's track_commands."""
    kept, _, rest = text.partition("      track_commands:\n")
    others = rest.splitlines(keepends=True)
    while others and others[0].startswith("        "):
        del others[0]
    return load_text((kept + "\n".join(snippet(found)) + "\n" + "".join(others)).encode(), Path())


def busy() -> Events:
    """2,000 READs of up to 2 ms, of which three of 30 ms at once; CREATEs of 4 ms; LOCKs."""
    reads = operations(Command.SMB2_READ, [1 + n % 1000 / 1000 for n in range(2000)])
    reads["latency_ns"][1000:1003] = 30_000_000
    return mixed(
        reads,
        operations(Command.SMB2_CREATE, [4] * 20, at_sec=10.0001),
        operations(Command.SMB2_LOCK, [5000] * 4, at_sec=10.0002),
    )


def test_each_command_is_described(tmp_path: Path) -> None:
    found = suggestion(tmp_path, busy())
    assert [one.command for one in found.commands] == ["SMB2_READ", "SMB2_CREATE", "SMB2_LOCK"]
    assert report(found, Command.SMB2_READ) == CommandReport(
        command="SMB2_READ",
        count=2000,
        p50_ns=1_501_000,
        p99_ns=1_991_000,
        p999_ns=30_000_000,
        max_ns=30_000_000,
        emergencies=0,
        anomalies={"10": 1, "20": 1, "50": 0},
        alone_ms=50,
        suggested_ms=50,
        note="",
    )


def test_little_is_told_to_be_little(tmp_path: Path) -> None:
    one = report(suggestion(tmp_path, busy()), Command.SMB2_CREATE)
    assert (one.alone_ms, one.suggested_ms, one.note) == (5, 5, "only 20 operations")


def test_command_that_waits_by_design_is_left_as_it_is(tmp_path: Path) -> None:
    found = suggestion(tmp_path, busy())
    one = report(found, Command.SMB2_LOCK)
    assert (one.suggested_ms, one.anomalies["50"], one.emergencies) == (None, 1, 0)
    assert one.note == "may wait for whoever holds the lock; unchanged"
    assert Command.SMB2_LOCK.name not in [entry.command for entry in found.track_commands]


def test_command_that_waits_by_design_but_is_tracked_is_not(tmp_path: Path) -> None:
    text = TEXT.replace("SMB2_WRITE", "SMB2_LOCK")
    locks = operations(Command.SMB2_LOCK, [3] * 4)
    assert report(suggestion(tmp_path, locks, text), Command.SMB2_LOCK).suggested_ms == 5


def test_excluded_command_is_left_excluded(tmp_path: Path) -> None:
    text = TEXT + "      mode: excludeonly\n      exclude_commands: [SMB2_READ]\n"
    found = suggestion(tmp_path, busy(), text)
    assert report(found, Command.SMB2_READ).note == "in exclude_commands"
    assert pasted(found, text).warnings == ()


def test_what_the_configuration_tracks_stays_where_nothing_was_seen(tmp_path: Path) -> None:
    found = suggestion(tmp_path, operations(Command.SMB2_WRITE, [3] * 4))
    assert [(one.command, one.threshold) for one in found.track_commands] == [
        ("SMB2_WRITE", 5),
        ("SMB2_FLUSH", 70),
    ]
    assert found.track_commands[1].emergency_threshold_ms == 3000


def test_thresholds_that_are_loud_together_are_raised(tmp_path: Path) -> None:
    loud = mixed(
        operations(Command.SMB2_READ, [1.0] * 2000 + [15, 15]),
        operations(Command.SMB2_CREATE, [1.0] * 2000 + [15], at_sec=10.0005),
    )
    found = suggestion(tmp_path, loud)
    reads, creates = report(found, Command.SMB2_READ), report(found, Command.SMB2_CREATE)
    assert (reads.p999_ns, reads.alone_ms, reads.suggested_ms) == (1_000_000, 2, 20)
    assert reads.note == "2 ms is enough alone, but not together with the others"
    assert (creates.alone_ms, creates.suggested_ms, creates.note) == (2, 2, "")


def test_threshold_that_reaches_the_emergency_one_gets_a_higher_one(tmp_path: Path) -> None:
    found = suggestion(tmp_path, operations(Command.SMB2_READ, [900, 1500, 2500, 2500]))
    (entry,) = (one for one in found.track_commands if one.command == "SMB2_READ")
    assert (entry.threshold, entry.emergency_threshold_ms) == (5000, 10_000)
    assert report(found, Command.SMB2_READ).emergencies == 3
    assert pasted(found).warnings == ()


def test_nothing_is_suggested_beyond_what_is_given_up(tmp_path: Path) -> None:
    text = "unanswered_sec: 2\n" + TEXT.replace("3000", "1500")
    found = suggestion(tmp_path, operations(Command.SMB2_READ, [1500] * 4), text)
    one = report(found, Command.SMB2_READ)
    assert (one.suggested_ms, one.note) == (
        None,
        "no threshold below unanswered_sec would have been silent",
    )
    assert pasted(found, text).config.unanswered_sec == 2


def test_configuration_without_the_types_lends_the_defaults(tmp_path: Path) -> None:
    found = suggestion(tmp_path, busy(), "guardian: {anomalies: {c: {type: Connection}}}")
    assert (found.anomaly, found.acceptable_count, found.error_anomaly) == ("latency", 10, "error")


def test_no_records_suggest_nothing(tmp_path: Path) -> None:
    found = suggestion(tmp_path, busy()[:0])
    assert (found.commands, found.statuses, found.failed) == ((), (), 0)
    assert [one.command for one in found.track_commands] == ["SMB2_WRITE", "SMB2_FLUSH"]
    assert "track_commands:" in "\n".join(render(found))


LATENCIES = st.lists(st.sampled_from([0.5, 3.0, 30.0, 70.0, 300.0, 900.0]), max_size=40)


@settings(max_examples=50)
@given(LATENCIES, LATENCIES, st.sampled_from([1, 200]))
def test_pasted_into_the_configuration_it_makes_no_latency_anomaly(
    tmp_path_factory: pytest.TempPathFactory,
    reads_ms: list[float],
    writes_ms: list[float],
    apart_ms: int,
) -> None:
    """As long as there is no emergency, which a threshold does not change."""
    events = mixed(
        operations(Command.SMB2_READ, reads_ms, apart_ms=apart_ms),
        operations(Command.SMB2_WRITE, writes_ms, apart_ms=apart_ms),
    )
    folder = tmp_path_factory.mktemp("r")
    loaded = pasted(suggestion(folder, events))
    assert loaded.warnings == ()
    with opened(folder / "r") as source:
        assert list(Evaluation(source, loaded.config).anomalies()) == []


TABLES = r"""recorded: 2023-11-14 22:13:21.000 UTC to 22:13:23.000 UTC, 2.0 s
2,029 records, 3 DROPPED; aodv2 0.1.0 on client, 6.1.0
operations are missing, so counts may be too low
counted as in aod.yaml

2,028 operations finished; reported in flight: 0; unanswered: 0; connection events: 1

latency in ms                count       p50       p99     p99.9       max   suggested
SMB2_READ                    2,000      1.50      1.99     30.00     30.00     50 ms
SMB2_CREATE                     20      4.00      4.00      4.00      4.00      5 ms *
SMB2_FLUSH                       4      1.00  4,000.00  4,000.00  4,000.00   5000 ms *
SMB2_LOCK                        4  5,000.00  5,000.00  5,000.00  5,000.00           -

anomalies that a threshold would have made for the command alone, by the count of 'slow'
(more than 2 in 1 s, cool-down 10 s)
                          10 ms    20 ms    50 ms
SMB2_READ                     1        1        0
SMB2_CREATE                   0        0        0
SMB2_FLUSH                    0        0        0
SMB2_LOCK                     1        1        1

3 operations failed; 'failed' counts 2 of them
status                                         count     counted
STATUS_ACCESS_DENIED                               2           2
STATUS_OBJECT_NAME_NOT_FOUND                       1           0

* SMB2_CREATE: only 20 operations
* SMB2_FLUSH: only 4 operations
- SMB2_LOCK: may wait for whoever holds the lock; unchanged
! SMB2_FLUSH: 1 reached the emergency threshold, which declares whatever the threshold

# under guardian: anomalies: slow:
      track_commands:
        - command: SMB2_WRITE
          threshold: 50
        - command: SMB2_FLUSH
          threshold: 5000  # only 4 operations
          emergency_threshold_ms: 10000
        - command: SMB2_CREATE
          threshold: 5  # only 20 operations
        - command: SMB2_READ
          threshold: 50
"""


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("aod.yaml").write_text(TEXT)
    failed = operations(Command.SMB2_FLUSH, [1, 1, 4000, 1], at_sec=20)
    failed["status"][:3], failed["error"][:3] = [0xC0000022, 0xC0000022, 0xC0000034], -13
    event = operations(Command.SMB2_NEGOTIATE, [0], at_sec=20)
    event["command"], event["flags"] = 20, 4
    return write(Path("recorded"), mixed(busy(), failed, event))


def test_tables_are_for_people(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["replay", "recorded", "--suggest", "--thresholds", "50,10,20", "-c", "aod.yaml"]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (TABLES, "")
    assert max(map(len, said.out.splitlines())) <= 100


def test_tables_of_the_default_thresholds_fit_into_100_columns(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", "recorded", "--suggest", "-c", "aod.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    heads = [f"{ms} ms" for ms in (5, 10, 20, 50, 100, 200, 500, 1000)]
    assert " ".join(heads) in [" ".join(line.split()) for line in lines]


def test_many_thresholds_are_several_tables(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = ",".join(map(str, range(1, 18)))
    assert main(["replay", "recorded", "--suggest", "--thresholds", many, "-c", "aod.yaml"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    assert [said.count(f" {ms} ms") >= 1 for ms in range(1, 18)] == [True] * 17


def test_same_for_programs(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "recorded", "--suggest", "--json", "-c", "aod.yaml"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["type"], found["finished"], found["failed"]) == ("suggestion", 2028, 3)
    assert found["commands"][0]["anomalies"]["10"] == 1
    assert {"command": "SMB2_READ", "threshold": 50.0} in [
        {key: one[key] for key in ("command", "threshold")} for one in found["track_commands"]
    ]


def test_printed_yaml_can_be_pasted_into_the_example(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = REPO / "conf" / "aod.yaml"
    assert main(["replay", "recorded", "--suggest", "-c", str(example)]) == 0
    printed = capsys.readouterr().out
    yaml = printed[printed.index("      track_commands:\n") :]
    kept, rest = example.read_text().split("      track_commands:\n")
    rest = rest[rest.index("      #exclude_commands") :]
    (tmp_path / "pasted.yaml").write_text(kept + yaml + rest)
    loaded = load(tmp_path / "pasted.yaml")
    latency = loaded.config.guardian.anomalies["latency"]
    assert isinstance(latency, Latency)
    tracked = {entry.command: entry.threshold for entry in latency.track_commands}
    assert tracked == {"SMB2_WRITE": 50, "SMB2_READ": 50, "SMB2_CREATE": 5, "SMB2_FLUSH": 5000}
    assert main(["replay", "recorded", "-c", str(tmp_path / "pasted.yaml")]) == 0
    assert "Latency 'latency', by count" not in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "0", "10,-1", "ten", "10,,20", "nan", "86400001", "inf"])
def test_threshold_must_be_one(
    text: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", "recorded", "--suggest", "--thresholds", text])
    assert ended.value.code == 2
    assert "allowed: numbers of ms above 0" in capsys.readouterr().err


def test_thresholds_alone_are_refused(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "recorded", "--thresholds", "10"]) == 2
    assert "--thresholds goes with --suggest" in capsys.readouterr().err


@settings(max_examples=200)
@given(arrays(EVENT_DTYPE, st.integers(0, 30)))
def test_records_of_any_content_are_replayed_to_the_end(
    tmp_path_factory: pytest.TempPathFactory, events: Events
) -> None:
    events["end_ns"] &= 2**62 - 1
    with opened(write(tmp_path_factory.mktemp("r") / "r", events)) as source:
        evaluation = Evaluation(source, config(TEXT + "    any: {type: Connection}\n"))
        for anomaly in evaluation.anomalies():
            for line in described(anomaly, source, evaluation.start_ns):
                assert line.isprintable()
        assert evaluation.summary().records == len(events)
        found = suggest(source, config(), THRESHOLDS_MS)
        assert all(line.isprintable() for line in render(found))
        assert found.records == len(events)
