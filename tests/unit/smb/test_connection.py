"""Connection events: numbers beyond SMB2's, each with its words and its tracepoint."""

from aod.event import COMMANDS
from aod.smb.commands import Command, ConnectionEvent


def test_the_numbers_are_those_of_the_records() -> None:
    assert {event.name: int(event) for event in ConnectionEvent} == {
        "RECONNECT": 20,
        "SEND_CUT": 21,
        "SESSION_EXPIRED": 22,
        "CREDIT_TIMEOUT": 23,
        "CREDITS_SHORT": 24,
        "CONNECT_FAILED": 25,
    }


def test_no_number_is_a_commands_and_all_have_a_row_in_the_tables() -> None:
    assert not set(map(int, ConnectionEvent)) & set(map(int, Command))
    assert max(ConnectionEvent) < COMMANDS


def test_each_has_words_and_a_tracepoint_of_its_own() -> None:
    phrases = {event.phrase for event in ConnectionEvent}
    tracepoints = {event.tracepoint for event in ConnectionEvent}
    assert len(phrases) == len(tracepoints) == len(ConnectionEvent)
    assert all(phrases | tracepoints)
