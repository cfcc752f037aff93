"""The rows: complete, unambiguous, and nothing that must never be read or run."""

import re
from pathlib import Path

import pytest

from aod.actions.action import Action, Phase
from aod.actions.output import Keep
from aod.actions.resolve import Situation, placeholders
from aod.actions.table import ACTIONS, row
from aod.settings import ActionName
from scripts.vm.tools import REPO
from tests.unit.samples import CONFIG

ROOT = REPO


@pytest.fixture(params=ACTIONS, ids=lambda action: action.name)
def action(request: pytest.FixtureRequest) -> Action:
    found: Action = request.param
    return found


def programs(name: str) -> list[tuple[str, ...]]:
    """The command lines that run a program."""
    lines = (line.argv for action in ACTIONS for line in action.commands)
    return [argv for argv in lines if argv[0] == name]


def test_every_action_is_one_row() -> None:
    assert sorted(action.name for action in ACTIONS) == sorted(ActionName)
    assert len({action.file for action in ACTIONS}) == len(ACTIONS)


def test_its_file_is_the_one_of_the_contract(action: Action) -> None:
    assert action.file == f"{action.name}.{'pcap' if action.binary else 'log'}"


def test_it_is_bounded(action: Action) -> None:
    assert 0 < action.timeout_sec <= 60
    assert 0 < action.max_bytes <= 64 << 20


def test_it_says_what_its_file_is(action: Action) -> None:
    assert action.about.endswith(".")
    assert 30 < len(action.about) < 300


def test_it_is_one_kind_of_source(action: Action) -> None:
    assert action.commands
    for command in action.commands:
        assert command.argv
        assert not (command.paths and command.each_mount)


def test_its_words_in_braces_are_known(action: Action) -> None:
    words = [*action.needs, *(word for line in action.commands for word in line.argv)]
    known = placeholders(Situation(Path(), 0, CONFIG), 0)
    assert {name for word in words for name in re.findall(r"\{(\w*)\}", word)} <= set(known)


@pytest.mark.parametrize("argv", programs("{python}"), ids=lambda argv: argv[3])
def test_our_own_programs_are_there(argv: tuple[str, ...]) -> None:
    assert argv[1] == "-I"  # nothing of the user's environment or folder
    module = argv[3].replace(".", "/") if argv[2] == "-m" else ""
    assert Path(ROOT, f"{module}.py" if module else argv[3]).is_file()


def test_it_writes_nothing_on_the_host() -> None:
    """nstat without -s writes a history file."""
    (argv,) = programs("nstat")
    assert "s" in argv[1]


def test_who_asks_each_share_does_so_after_the_others(action: Action) -> None:
    assert (action.phase is Phase.SERVER) == any(line.each_mount for line in action.commands)


def test_a_log_keeps_its_end(action: Action) -> None:
    if action.phase is Phase.LATE and not action.binary:
        assert action.keep is Keep.END


def test_it_is_harmless(action: Action) -> None:
    words = " ".join(word for line in action.commands for word in (*line.argv, *line.paths))
    assert not set(words.split()) & {"sh", "bash", "tee", "dd", "rm", "sysctl", "modprobe"}
    for never in ("traceSMB", "cifsFYI", "keys", "clear", "sh -c", ">"):
        assert never not in words


def test_the_clients_own_state_is_read_first() -> None:
    volatile = {action.name for action in ACTIONS if action.phase is Phase.VOLATILE}
    assert volatile == {"debugdata", "stats", "cifs", "sockets", "stacks"}


def test_a_row_is_found_by_its_name() -> None:
    assert [row(action.name) for action in ACTIONS] == list(ACTIONS)
    assert row("tcpdump.pcap") is None
    assert row("../dmesg") is None
