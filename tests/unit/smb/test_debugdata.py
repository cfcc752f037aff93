r"""DebugData as Linux 6.1 writes it: two connections, three mounts, one operation in flight."""

import pytest

from aod.smb.peers import parse_debugdata
from scripts.vm.tools import REPO

TEXT = (REPO / "tests" / "unit" / "data" / "debugdata-6.1.txt").read_text()
CHANNELS = (REPO / "tests" / "unit" / "data" / "debugdata-channels-6.1.txt").read_text()
OTHERS, FIRST = 0xB74F82B3, 0xEBD99EB


def test_every_tree_of_every_session_has_its_share() -> None:
    assert parse_debugdata(TEXT).shares == {
        (OTHERS, 0xE24D53DE): r"\\localhost\IPC$",
        (OTHERS, 0x84B13C32): r"\\localhost\second",
        (FIRST, 0xC288ECFA): r"\\127.0.0.1\IPC$",
        (FIRST, 0x7925CDDE): r"\\127.0.0.1\second",
        (FIRST, 0x88A0D99): r"\\127.0.0.1\share",
    }


def test_every_connection_has_its_host() -> None:
    assert parse_debugdata(TEXT).servers == {2: "localhost", 1: "127.0.0.1"}


def test_share_with_blanks_in_its_name() -> None:
    text = TEXT.replace(r"\\127.0.0.1\share Mounts", r"\\127.0.0.1\the share Mounts")
    assert parse_debugdata(text).share(FIRST, 0x88A0D99) == r"\\127.0.0.1\the share"


def test_tree_is_not_given_the_share_of_the_one_before() -> None:
    text = TEXT.replace(r"\\127.0.0.1\share Mounts", "nothing that is understood")
    assert (FIRST, 0x88A0D99) not in parse_debugdata(text).shares
    assert len(parse_debugdata(text).shares) == 4


def test_share_is_not_given_to_the_session_of_another_connection() -> None:
    text = TEXT.replace("SessionId: 0xebd99eb", "SessionId: none")
    assert {session for session, _ in parse_debugdata(text).shares} == {OTHERS}


@pytest.mark.parametrize("text", ["", "\0\n\t1) \\\\\n\ttid: 0x1\n", "tid: 0x1\n" * 1000])
def test_text_that_is_not_understood_has_no_names(text: str) -> None:
    assert parse_debugdata(text).shares == {}
    assert parse_debugdata(text).servers == {}


@pytest.mark.parametrize("end", range(0, len(TEXT), 97))
def test_text_that_was_cut_has_only_true_names(end: int) -> None:
    found, whole = parse_debugdata(TEXT[:end]), parse_debugdata(TEXT)
    assert found.shares.items() <= whole.shares.items()
    assert found.servers.items() <= whole.servers.items()


def test_every_channel_of_a_session_has_its_servers_host() -> None:
    """In the client's messages and tracepoints a further channel has none."""
    assert parse_debugdata(CHANNELS).servers == dict.fromkeys((1, 2, 3), "127.0.0.1")


def test_channels_of_linux_6_8_and_newer() -> None:
    """Credits by kind; what a channel is not; and one that was closed."""
    newer = CHANNELS.replace("credits: 279", "credits: 279,1,1").replace(
        "\t\tChannel: 3 ConnectionId: 0x3\n", "\tDISCONNECTED \n\n\t\tChannel: 3 DISABLED\n"
    )
    assert parse_debugdata(newer).servers == dict.fromkeys((1, 2), "127.0.0.1")


def test_channel_of_a_nameless_server_is_not_the_one_befores() -> None:
    nameless = CHANNELS.partition("Servers: \n")[2].replace(
        "1) ConnectionId: 0x1 Hostname: 127.0.0.1", "2) ConnectionId: 0x9"
    )
    found = parse_debugdata(TEXT + nameless)
    assert found.servers == parse_debugdata(TEXT).servers
