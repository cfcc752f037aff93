"""The commands, by number and by what is known about them."""

from aod.smb.commands import PATIENCE, UNTIMED, Command, command_name


def test_the_numbers_are_those_of_the_packet_header() -> None:
    assert sorted(Command) == list(range(19))
    assert all(name.startswith("SMB2_") for name in Command.__members__)
    landmarks = {5: "CREATE", 8: "READ", 9: "WRITE", 13: "ECHO", 15: "CHANGE_NOTIFY"}
    assert {n: Command(n).name.removeprefix("SMB2_") for n in landmarks} == landmarks


def test_what_is_left_out_waits_or_connects_and_the_rest_is_a_servers_work() -> None:
    assert PATIENCE.keys() >= UNTIMED
    for patience in PATIENCE.values():
        assert (patience.threshold_ms is None) is (patience.emergency_ms is None)
    assert {command.name.removeprefix("SMB2_") for command in set(Command) - PATIENCE.keys()} == {
        *("CREATE", "CLOSE", "FLUSH", "READ", "WRITE"),
        *("QUERY_DIRECTORY", "QUERY_INFO", "SET_INFO"),
    }


def test_every_number_has_a_name() -> None:
    assert command_name(9) == "SMB2_WRITE"
    assert command_name(20) == "RECONNECT"
    assert command_name(77) == "command 77"
