"""A whole bundle with `redact: true`: what was planted in every source is nowhere in it."""

import asyncio
import io
import os
import re
import socket
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from aod.actions import table
from aod.actions.action import Command, Phase
from aod.actions.job import Children, Job
from aod.anomaly import Anomaly, Breakdown, Part, Relation
from aod.bundles import archive, bundle, filling, history, manifest, redaction
from aod.bundles.bundle import Made
from aod.bundles.history import Recorded
from aod.bundles.manifest import Manifest
from aod.config.schema import Capture, Packets
from aod.settings import ActionName
from scripts.vm.tools import REPO
from tests.rig.bundles import open_bundle
from tests.unit.samples import CONFIG, TIMESTAMP, anomaly, operation, records, surroundings

HOST = "lap-4711x"
PLANTED = rb"""jane.roe jroe2 Contoso contoso.example fs-emea-07 dcx3 lap-4711x Finance-Q3
    fin\040q3 Bonus%20list Bonus merger.docx 10.77.8.9 10.77.8.10 fe80::aa:1 00:50:56:ab:cd:ef
    dfsroot secretlink 7F3E11AA Pay,roll Zeta 1111111111-2222222222 fin\x20q3""".decode().split()
SECRETS = ["hunter2", "s3same", "tok-123"]
PLACES = REPO / "tests" / "unit" / "data" / "planted"
"""What the actions print, one file each, and how the mounts are told."""
KEPT = ("SMBs: 17", "has not responded in 180 seconds", "port 22", "6.1.0-56-amd64", "0x300047",
        "wait_for_response", "2026-11-22T15:25:41.385123+00:00", "(4321)")  # fmt: skip
PACKET = (
    bytes.fromhex("005056abcdef005056abcdef08004500003000000000400600000a4d08090a4d080a") + b"tcp"
)


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every action's command prints planted names; so does what tells the mounts."""
    monkeypatch.setattr(history, "recall", lambda *_: Recorded((records(1, 2),), {}))
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    for path in PLACES.iterdir():
        (fakes / path.stem).write_bytes(path.read_bytes())
    head = struct.pack(
        "<IHHiIIIIIII", 0xA1B2C3D4, 2, 4, 0, 0, 512, 1, 1, 2, len(PACKET), len(PACKET)
    )
    (fakes / "tcpdump").write_bytes(head + PACKET)
    program(
        fakes / "cat",
        f'[ "$1" = /proc/self/mountinfo ] && set -- {fakes}/mountinfo\nexec /bin/cat "$@"',
    )
    program(fakes / "fake", f'echo "of jane.roe" >&2; exec /bin/cat "{fakes}/$1"')
    monkeypatch.setenv("PATH", f"{fakes}:/usr/bin:/bin")
    monkeypatch.setattr(socket, "gethostname", lambda: HOST)
    rows = tuple(
        replace(row, commands=(Command(("fake", str(row.name))),), needs=(), phase=Phase.STEADY)
        for row in table.ACTIONS
    )
    monkeypatch.setattr(table, "ACTIONS", rows)


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def declared() -> Anomaly:
    worst = operation(share=r"\\fs-emea-07.contoso.example\Finance-Q3")
    parts = (Part(worst.share, 11),)
    breakdown = Breakdown(
        records=11, commands=(), statuses=(), sessions=(), trees=parts, tasks=(Part("cp[4]", 11),)
    )
    return anomaly(
        actions=tuple(ActionName),
        worst=(worst,),
        breakdown=breakdown,
        reason=rf"SMB2_READ of cp[4] took 2 s; on {worst.share}",
    )


CHECKSUM = re.compile(rb"\b[0-9a-f]{64}\b")
PLAIN = CONFIG.capture
REDACTED = replace(PLAIN, redact=True)


def made(folder: Path, limits: Capture = REDACTED) -> tuple[Manifest, dict[str, bytes]]:
    sealed = asyncio.run(make(folder / "out", limits))
    assert sealed is not None
    files = open_bundle(next((folder / "out").glob("*.zst"))).files
    return manifest.decode(files["manifest.json"]), files


async def make(
    output: Path,
    limits: Capture = REDACTED,
    timestamp: int = TIMESTAMP,
    redacting: asyncio.Lock | None = None,
) -> Made | None:
    output.mkdir(exist_ok=True)
    config = replace(CONFIG, aod_output_dir=output, capture=limits)
    related = Relation(TIMESTAMP + 1, "Error", "on-fs-emea-07")
    around = surroundings(related=lambda _: (related,), redacting=redacting or asyncio.Lock())
    job = Job(config, Children(lambda _: None))
    return await bundle.make(replace(declared(), timestamp=timestamp), config, job, around)


def found(words: list[str], files: dict[str, bytes]) -> set[tuple[str, str]]:
    """Which words are in which files, but for checksums, in which any three letters may be."""
    return {
        (word, name)
        for name, content in files.items()
        for word in words
        if word.lower().encode() in CHECKSUM.sub(b"", content.lower())
    }


def test_what_is_planted_would_be_found_but_for_the_secrets(tmp_path: Path) -> None:
    told, files = made(tmp_path, PLAIN)
    assert {word for word, _ in found(PLANTED, files)} == set(PLANTED)
    assert found(SECRETS, files) == set()
    assert told.redacted == ()
    assert told.host == HOST


def test_nothing_planted_is_in_a_redacted_bundle(tmp_path: Path) -> None:
    told, files = made(tmp_path)
    assert found([*PLANTED, *SECRETS], files) == set()
    assert bytes([10, 77, 8]) not in files["tcpdump.pcap"]
    assert PACKET[:6] not in files["tcpdump.pcap"]
    assert files["tcpdump.pcap"].endswith(b"tcp")
    text = b"\n".join(files.values()).decode(errors="replace")
    assert [word for word in KEPT if word not in text] == []
    counts = {one.kind: one.names for one in told.redacted}
    assert min(counts.values()) >= 1, counts
    assert told.note == ""


def test_a_name_becomes_the_same_in_all_files(tmp_path: Path) -> None:
    told, files = made(tmp_path)
    (mount,) = told.mounts
    host, share = mount.source.removeprefix("//").split("/")
    for name in ("mounts.log", "debugdata.log", "dmesg.log", "anomaly.json", "SUMMARY.txt"):
        assert host.encode() in files[name], name
    assert share.encode() in files["trace.log"]
    assert told.host.startswith("host-")
    assert f"on {told.host}" in files["SUMMARY.txt"].decode()
    assert f"{told.host} sshd".encode() in files["journalctl.log"]
    address = mount.options.rpartition("addr=")[2]
    assert f"{address}:445".encode() in files["sockets.log"]
    assert len(np.load(redacted_events(files))) == 2


def redacted_events(files: dict[str, bytes]) -> io.BytesIO:
    return io.BytesIO(files["events.npy"])


def test_packets_with_content_are_left_out(tmp_path: Path) -> None:
    told, files = made(tmp_path, replace(REDACTED, tcpdump=Packets(headers_only=False)))
    assert "tcpdump.pcap" not in files
    (source,) = (source for source in told.sources if source.name == "tcpdump")
    assert (source.bytes, source.sha256) == (0, "")
    assert "headers only" in source.note


@pytest.mark.parametrize("how", ["fails", "hangs", "lies"])
def test_what_cannot_be_redacted_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    script = {"fails": "exit 3", "hangs": "exec sleep 1000", "lies": "exit 0"}[how]
    program(tmp_path / "fakes" / "python", script)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "fakes" / "python"))
    monkeypatch.setattr(redaction, "TIMEOUT_SEC", 0.2)
    told, files = made(tmp_path)
    assert set(files) == {
        "SUMMARY.txt",
        "manifest.json",
        "anomaly.json",
        "stats.json",
        "events.npy",
    }
    left = [word for word in PLANTED if word != "fs-emea-07"]  # the other anomaly's name is kept
    assert found([*left, *SECRETS], files) == set()
    assert "redaction failed" in told.note
    assert "redaction failed" in files["SUMMARY.txt"].decode()
    assert {source.note for source in told.sources} == {"left out: redaction failed"}
    assert told.host == ""


def check_resumed(folder: Path) -> None:
    """Nothing was lost, and what was written before is not among what is written now."""
    told, files = made(folder)
    assert told.interrupted == 1
    assert {source.note for source in told.sources} == {""}  # none was taken again
    assert found([*PLANTED, *SECRETS], files) == set()
    (mount,) = told.mounts
    host = mount.source.removeprefix("//").split("/")[0].encode()
    for name in ("mounts.log", "debugdata.log", "dmesg.log", "anomaly.json", "SUMMARY.txt"):
        assert host in files[name], name
    assert [path.suffix for path in (folder / "out").iterdir()] == [".zst"]


def test_a_stop_in_the_middle_of_redaction_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "runs")
    program(tmp_path / "fakes" / "python", f"echo > {tmp_path}/runs; exec sleep 1000")

    async def cancelled_in_it() -> None:
        making = asyncio.create_task(make(tmp_path / "out"))
        await asyncio.to_thread((tmp_path / "runs").read_bytes)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "fakes" / "python"))
        asyncio.run(cancelled_in_it())
    check_resumed(tmp_path)


@pytest.mark.parametrize("step", ["_add_the_rest", "_with_file", "explain", "pack", "publish"])
def test_a_death_behind_redaction_leaves_one_name_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Dead

    owner = {"explain": filling, "pack": archive, "publish": archive}.get(step, redaction)
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, die)
        with pytest.raises(Dead):
            asyncio.run(make(tmp_path / "out"))
    check_resumed(tmp_path)


class Dead(BaseException):
    """As good as a kill: nobody catches it."""


def test_one_is_redacted_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = f"mkdir {tmp_path}/alone || exit 9; sleep 0.2; rmdir {tmp_path}/alone; exit 3"
    program(tmp_path / "fakes" / "python", alone)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "fakes" / "python"))

    async def several() -> None:
        turn = asyncio.Lock()
        numbers = range(TIMESTAMP, TIMESTAMP + 4)
        await asyncio.gather(*(make(tmp_path / "out", REDACTED, n, turn) for n in numbers))

    asyncio.run(several())
    for path in (tmp_path / "out").glob("*.zst"):
        told = manifest.decode(open_bundle(path).files["manifest.json"])
        assert "its program ended with 3" in told.note
    assert len(list((tmp_path / "out").iterdir())) == 4
