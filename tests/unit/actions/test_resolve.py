"""Rows become command lines, or a sentence about what this host lacks."""

import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.actions.action import Action, Command
from aod.actions.mounts import LOGON, Target
from aod.actions.resolve import Situation, Step, placeholders, steps
from aod.actions.result import Mount
from aod.config.schema import Capture, Packets
from aod.flight import trace
from aod.host.clock import Spread
from aod.settings import ActionName
from tests.unit.samples import CONFIG


def target(source: str, path: str, why_not: str = "") -> Target:
    return Target(mount=Mount(source, path, "cifs", "rw,sec=krb5"), path=path, why_not=why_not)


TARGETS = (target("//a/s", "/mnt/a"), target("//b/s", "/mnt/b b", "not for us"))
NS = 10**9
TRIGGER_NS = 1_700_000_300_999_999_999
LIMITS = Capture(lookback_sec=300, history_sec=60, post_sec=5, tcpdump=Packets(folder=Path("/p")))
SITUATION = Situation(
    Path("/nowhere"), TRIGGER_NS, replace(CONFIG, capture=LIMITS, pin_dir=Path("/bpf/t")), TARGETS
)


@pytest.fixture(autouse=True)
def tracefs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "folder", lambda pin_dir: Path("/", pin_dir.name))


def row(*commands: Command, needs: tuple[str, ...] = ()) -> Action:
    return Action(
        name=ActionName.DMESG,
        file="dmesg.log",
        about="",
        commands=commands,
        needs=needs,
        timeout_sec=1,
        max_bytes=1000,
    )


def argvs(action: Action, situation: Situation = SITUATION) -> list[tuple[str, ...]]:
    found = steps(action, situation)
    assert [step.missing for step in found] == [""] * len(found)
    return [step.argv for step in found]


def test_commands_are_taken_as_they_are() -> None:
    action = row(Command(("echo", "a b", "*")), Command(("cat", "{unknown}"), error_text=b"x"))
    assert steps(action, SITUATION) == [
        Step(("echo", "a b", "*"), asked=("echo", "a b", "*")),
        Step(("cat", "{unknown}"), "", b"x", ("cat", "{unknown}")),
    ]


def test_words_in_braces_stand_for_the_situation() -> None:
    known = placeholders(SITUATION, TRIGGER_NS + 7 * NS)
    assert known == {
        "since": "1700000000",
        "until": "1700000308",
        "trigger_ns": str(TRIGGER_NS),
        "from_ns": str(TRIGGER_NS - 60 * NS),
        "to_ns": str(TRIGGER_NS + 5 * NS),
        "packets": "/p",
        "trace": "/t",
        "headers_only": "yes",
        "ports": "445",
        "of_ports": "dport = :445 or sport = :445",
        "python": sys.executable,
    }


def test_what_follows_the_trigger_ends_now_where_nobody_waited() -> None:
    known = placeholders(SITUATION, TRIGGER_NS + NS)
    assert known["to_ns"] == str(TRIGGER_NS + NS)


def test_they_are_replaced_wherever_they_stand() -> None:
    action = row(Command(("echo", "--since=@{since}", "{trace}/{packets}")))
    assert argvs(action) == [("echo", "--since=@1700000000", "/t//p")]


def test_now_is_when_the_command_is_run() -> None:
    before = time.time()
    [[_, until]] = argvs(row(Command(("echo", "{until}"))))
    assert before < int(until) <= time.time() + 1


def test_one_command_per_mount() -> None:
    action = row(Command(("cat",), each_mount=True))
    assert argvs(action) == [("cat", "/mnt/a"), ("cat", "/mnt/b b")]


def test_the_name_of_a_mount_is_no_placeholder() -> None:
    action = row(Command(("cat",), each_mount=True))
    here = replace(SITUATION, targets=(target("//a/s", "/mnt/{since}"),))
    assert argvs(action, here) == [("cat", "/mnt/{since}")]


def test_a_step_knows_its_server_and_why_it_is_not_run() -> None:
    asked, other = steps(row(Command(("cat",), each_mount=True)), SITUATION)
    assert asked == Step(("cat", "/mnt/a"), asked=("cat", "/mnt/a"), group="a", caveat=LOGON)
    assert (other.group, other.why_not) == ("", "not for us")


def test_the_first_path_that_exists(tmp_path: Path) -> None:
    paths = tuple(str(tmp_path / name) for name in ("none", "folder", "this", "that"))
    for path in paths[2:]:
        Path(path).touch()
    Path(paths[1]).mkdir()
    assert argvs(row(Command(("cat",), paths=paths))) == [("cat", paths[2])]


@pytest.mark.parametrize(
    ("command", "targets", "why"),
    [
        (Command(("none",)), TARGETS, "none: no such program in PATH"),
        (Command(("cat",), ("/none/a", "/none/b")), TARGETS, "/none/a and /none/b: no such file"),
        (Command(("cat",), each_mount=True), (), "no cifs file system is mounted"),
    ],
)
def test_what_is_missing_is_said_and_costs_nothing_else(
    command: Command, targets: tuple[Target, ...], why: str
) -> None:
    situation = replace(SITUATION, targets=targets)
    assert steps(row(command, Command(("echo",))), situation) == [
        Step((*command.argv, *command.paths), why),
        Step(("echo",), asked=("echo",)),
    ]


def test_what_a_row_needs_all_its_commands_need(tmp_path: Path) -> None:
    needs = (str(tmp_path), "/none", "{packets}")
    action = row(Command(("echo", "{trace}")), Command(("cat",)), needs=needs)
    told = (
        "/none: not there; /p: not there (only a running daemon that is configured for it records"
    )
    assert [step.missing for step in steps(action, SITUATION)] == [f"{told} it)"] * 2
    assert argvs(replace(action, needs=needs[:1])) == [("echo", "/t"), ("cat",)]


def test_a_recorder_that_is_not_configured_is_missing() -> None:
    action = row(Command(("cat", "{packets}")), needs=("{packets}",))
    [step] = steps(action, SITUATION)
    assert step.missing.startswith("/p: not there (only a running daemon")


def test_a_host_without_tracefs_has_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(_: Path) -> Path:
        raise FileNotFoundError("no tracefs")

    monkeypatch.setattr(trace, "folder", unavailable)
    action = row(Command(("cat", "{trace}/trace")), needs=("{trace}",))
    [step] = steps(action, SITUATION)
    assert step.missing.startswith("{trace}: not there (only a running daemon")


def test_spans_are_as_wide_as_the_clock_s_steps() -> None:
    stepped = replace(SITUATION, spread=Spread(-1000 * NS, 3600 * NS))
    known = placeholders(stepped, TRIGGER_NS + 7 * NS)
    assert known["since"] == "1699999000"
    assert known["until"] == "1700003908"
    assert known["from_ns"] == str(TRIGGER_NS - 1060 * NS)
    assert known["to_ns"] == str(TRIGGER_NS + 3607 * NS)
    assert known["trigger_ns"] == str(TRIGGER_NS)
