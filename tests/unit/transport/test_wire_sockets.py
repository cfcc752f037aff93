"""The sockets of the wire over real ipc: nothing blocks, nothing is open to everybody."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from aod.anomaly import Anomaly
from aod.event import EVENT_DTYPE
from aod.transport.wire import (
    AT_ONCE,
    QUEUED_MESSAGES,
    TAKES,
    Batch,
    Inbox,
    Message,
    Outbox,
    Sealed,
    encode,
    endpoint,
    socket_path,
)
from tests.rig.stage import received
from tests.unit.records import numbered
from tests.unit.samples import anomaly

Context = zmq.Context[zmq.Socket[bytes]]
PATIENCE_MS = 20_000
"""Only a failure waits this long."""


@pytest.fixture
def context() -> Iterator[Context]:
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def inbox(context: Context, tmp_path: Path) -> Iterator[Inbox]:
    made = Inbox(context, tmp_path, "detect")
    yield made
    made.close()


@pytest.fixture
def outbox(context: Context, tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(context, tmp_path, "detect")
    yield made
    made.close()


def next_message(inbox: Inbox) -> Message:
    while inbox.socket.poll(PATIENCE_MS):
        message = received(inbox)  # None: only what is not ours has come so far
        if message is not None:
            return message
    raise AssertionError("nothing came")


def test_messages_arrive_in_order(inbox: Inbox, outbox: Outbox) -> None:
    sent = [Batch(i, 1) for i in range(100)]
    assert all(outbox.send(message) for message in sent)
    assert [next_message(inbox) for _ in sent] == sent
    assert received(inbox) is None
    assert (inbox.rejected, outbox.unsent) == (0, 0)


def test_evidence_arrives_unchanged_and_reads_as_records(context: Context, tmp_path: Path) -> None:
    inbox = Inbox(context, tmp_path, "capture")
    outbox = Outbox(context, tmp_path, "capture")
    records = numbered(7, 64)
    sent = anomaly(evidence=records.tobytes())
    outbox.send(sent)
    received = next_message(inbox)
    inbox.close()
    outbox.close()
    assert isinstance(received, Anomaly)
    assert received == sent
    assert np.array_equal(np.frombuffer(received.evidence, EVENT_DTYPE), records)


def test_strangers_bytes_are_counted_and_passed_over(
    context: Context, inbox: Inbox, tmp_path: Path
) -> None:
    with context.socket(zmq.PUSH) as stranger:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(endpoint(tmp_path, "detect"))
        for frames in ([b"rubbish"], [b""], [b"", b"", b""], [b"\x82\xa4type\xa1\xff"]):
            stranger.send_multipart(frames)
        stranger.send_multipart(encode(Sealed(1, "not for detect", 1)))
        stranger.send_multipart(encode(Batch(1, 2)))
        assert next_message(inbox) == Batch(1, 2)
    assert inbox.rejected == 5


def test_a_flood_does_not_keep_its_receiver(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def always_one_more(_flags: int, *, copy: bool) -> list[zmq.Frame]:
        return [zmq.Frame(b"rubbish")]

    monkeypatch.setattr(inbox.socket, "recv_multipart", always_one_more)
    assert received(inbox) is None
    assert inbox.rejected == AT_ONCE


STRANGER = """
import os, socket, sys
os.setresuid(*3 * [int(sys.argv[2])])
with socket.socket(socket.AF_UNIX) as stranger:
    stranger.settimeout(60)
    stranger.connect(sys.argv[1])
    try:
        print(len(stranger.recv(1)))
    except ConnectionResetError:
        print(0)
"""
"""How much of ZeroMQ's greeting a process of that user gets. It becomes that user by itself: the
interpreter may lie where others may not go, in a clone below /root."""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("owner", sorted(TAKES))
def test_who_owes_an_inbox_nothing_is_not_connected_to_it(context: Context, owner: str) -> None:
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        inbox = Inbox(context, folder, owner)
        address = socket_path(folder, owner)
        address.chmod(0o666)  # as if the stranger were of its group
        command = [sys.executable, "-c", STRANGER, str(address)]
        greetings = [
            subprocess.run([*command, user], check=True, capture_output=True).stdout
            for user in ("0", "65534")
        ]
        assert greetings == [b"1\n", b"0\n" if TAKES[owner].root_only else b"1\n"]
        inbox.close()


def test_frame_too_large_costs_its_sender_the_connection_and_nobody_else(
    context: Context, inbox: Inbox, outbox: Outbox, tmp_path: Path
) -> None:
    with context.socket(zmq.PUSH) as stranger, stranger.get_monitor_socket() as monitor:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(endpoint(tmp_path, "detect"))
        stranger.send(bytes(TAKES["detect"].max_bytes + 1))
        seen = 0
        while seen != zmq.EVENT_DISCONNECTED:
            assert monitor.poll(PATIENCE_MS), "still connected"
            seen = recv_monitor_message(monitor)["event"]
        stranger.disable_monitor()
    outbox.send(Batch(3, 4))
    assert next_message(inbox) == Batch(3, 4)
    assert inbox.rejected == 0


def test_without_a_receiver_nothing_blocks_and_what_does_not_fit_is_counted(
    outbox: Outbox,
) -> None:
    results = [outbox.send(Batch(i, 1)) for i in range(2 * QUEUED_MESSAGES)]
    assert results.count(True) == QUEUED_MESSAGES
    assert outbox.unsent == results.count(False) == QUEUED_MESSAGES


def test_of_a_state_a_receiver_gets_the_newest_only(context: Context, tmp_path: Path) -> None:
    outbox = Outbox(context, tmp_path, "detect", newest_only=True)
    for count in range(3 * QUEUED_MESSAGES):
        outbox.send(Batch(0, count))
    inbox = Inbox(context, tmp_path, "detect")
    try:
        assert next_message(inbox) == Batch(0, 3 * QUEUED_MESSAGES - 1)
        assert outbox.unsent == 0
    finally:
        inbox.close()
        outbox.close()


def test_receiver_that_comes_later_gets_what_is_queued(
    context: Context, outbox: Outbox, tmp_path: Path
) -> None:
    outbox.send(Batch(3, 4))
    late = Inbox(context, tmp_path, "detect")
    assert next_message(late) == Batch(3, 4)
    late.close()


def test_successor_takes_over_the_address_of_a_killed_receiver(
    context: Context, outbox: Outbox, tmp_path: Path
) -> None:
    socket_path(tmp_path, "detect").parent.mkdir()
    with socket.socket(socket.AF_UNIX) as killed:  # leaves its file behind
        killed.bind(str(socket_path(tmp_path, "detect")))
    successor = Inbox(context, tmp_path, "detect")
    outbox.send(Batch(3, 4))
    assert next_message(successor) == Batch(3, 4)
    successor.close()


def test_socket_is_for_owner_and_group_alone(inbox: Inbox, tmp_path: Path) -> None:
    mode = socket_path(tmp_path, "detect").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) & ~0o660 == 0


def umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def test_umask_is_as_it_was(context: Context, tmp_path: Path) -> None:
    before = umask()
    Inbox(context, tmp_path, "capture").close()
    socket_path(tmp_path, "detect").mkdir(parents=True)
    with pytest.raises(zmq.ZMQError):
        Inbox(context, tmp_path, "detect")
    assert umask() == before
