"""How fast secrets are masked, how long the loop answers nobody while it masks a piece of the worst
that a source can print, and that a line four times as long takes four times as long."""

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from typing import Final

from aod.actions import process
from aod.actions.mask import LineMask, mask, places
from tests.rig import secrets

WORST: Final = {
    "short lines with a secret": "pass\n",
    "secrets of all kinds": "curl -u user=x% token: pass= mysql -p bearer eyJ. sig= //a@ '\n",
    "an endless line of values": "key,",
    "an endless line of users": f"{1000 * 'user='}%",
    "an endless token": f"{1000 * 'eyJ-'}.",
    "an endless header": f"{1000 * 'x-'}:token",
    "an endless command": "curl mysql -p : -u ",
}
MOST_BYTES: Final = 4 << 20
PIECE_BYTES: Final = 1 << 16
HEAD: Final = "2026-11-30T20:22:13.123456+0000 ws01 "
ORDINARY: Final = (
    "kernel: CIFS: VFS: \\\\nas has not responded in 180 seconds. Reconnecting...",
    "systemd[1]: Started session-77.scope - Session 77 of User bob.",
    "sshd[77]: Accepted publickey for bob from 192.0.2.1 port 50022 ssh2: RSA SHA256:abc",
    "kubelet[77]: I1130 20:22:13.123456 77 reconciler.go:203] operationExecutor started",
    "systemd-networkd[77]: eth0: Gained carrier",
    "NetworkManager[77]: <info> [1700000000.1234] dhcp4 (eth0): state changed new lease",
    "kernel: smb3_cmd_done: sid=0x1 tid=0x5 cmd=8 mid=77 credits=512",
)
WITH_SECRETS: Final = (
    "sudo[77]: bob : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/usr/bin/mount -t cifs -o"
    " username=bob,password=QZJQZJ,vers=3.1.1,uid=0 //nas/x /mnt",
    "fstab: //nas/x /mnt/a cifs rw,username=bob,password=QZJQZJ,uid=0,noforceuid,gid=0 0 0",
    'app[77]: {"level":"info","client_secret":"QZJQZJQZJ","user":"bob","ok":true}',
    "curl[77]: GET https://a.example.com/s?sv=2024-01-01&sig=QZJQZJQZJQZJQZJQ%3D&se=2026 200",
    "kernel: CIFS: VFS: Session Key   2d 00 9f 11 2d 00 9f 11 2d 00 9f 11 2d 00 9f 11",
    "sh[77]: AccountName=a;AccountKey=QZJQZJQZJQZJQZJQZJ==;EndpointSuffix=example.com",
)
TIMES: Final = 4
SHORT_BYTES: Final = 1 << 16
AFTER_WORDS: Final = ("", "=", "='", '="a,', "=a,", ": ", "%", "\\", " -u a", "//a:", " a1=61 ")
LEAST_SEC: Final = 0.005
"""What takes less time tells nothing."""


def figures() -> Iterator[dict[str, object]]:
    """Of logs as they are, in processor time; of the worst texts, with the longest time between two
    turns of the loop; and of lines of a single word."""
    planted = [one.line("QZJQZJQZJ") for one in secrets.planted()]
    for name, texts, target in (
        ("an ordinary log", ORDINARY, 50),
        ("one line of 33 holds a secret", ORDINARY * 32 + WITH_SECRETS, None),
        ("all lines hold a secret", WITH_SECRETS, 10),
        ("all spellings, most of it escapes", planted, None),
    ):
        fast = MOST_BYTES / 2**20 / _masking_sec(_log(texts))
        yield {"figure": f"masking: {name}", "mib_per_sec": round(fast, 1), "target": target}
    for name, text in WORST.items():
        longest_ms, took_sec = asyncio.run(_stalled(text))
        yield {
            "figure": f"masking: {name}",
            "longest_stall_ms": round(longest_ms, 1),
            "mib_per_sec": round(MOST_BYTES / took_sec / 2**20, 1),
        }
    yield _growth()


def _log(texts: Iterable[str]) -> bytes:
    lines = [f"{HEAD}{one}\n".encode() for one in texts]
    at_random = random.Random(1)
    log = bytearray()
    while len(log) < MOST_BYTES:
        log += at_random.choice(lines)
    return bytes(log)


def _masking_sec(text: bytes) -> float:
    line_mask, began = LineMask(), time.process_time()
    for at in range(0, len(text), PIECE_BYTES):
        line_mask.feed(text[at : at + PIECE_BYTES])
    line_mask.finish()
    return time.process_time() - began


def _growth() -> dict[str, object]:
    """How many times as long a line takes that is four times as long: the worst of all words."""
    ratios = {}
    for word in places.WORDS:
        for after in AFTER_WORDS:
            one = word + after.encode()
            short = one * (SHORT_BYTES // len(one))
            short_sec = max(LEAST_SEC, min(_whole_sec(short) for _ in range(2)))
            ratios[one] = min(_whole_sec(short * TIMES) for _ in range(2)) / short_sec
    worst = max(ratios, key=ratios.__getitem__)
    return {
        "figure": f"masking: a line {TIMES} times as long takes how many times as long",
        "worst": round(ratios[worst], 1),
        "word": worst.decode(),
        "target": TIMES,
    }


def _whole_sec(line: bytes) -> float:
    began = time.process_time()
    mask(line)
    return time.process_time() - began


async def _stalled(text: str) -> tuple[float, float]:
    line_mask, longest = LineMask(), 0.0
    lines = "cat" if text.endswith("\n") else r"tr -d '\n'"
    command = ("sh", "-c", f'yes "$0" | {lines} | head -c {MOST_BYTES}', text.rstrip("\n"))
    began = last = time.perf_counter()
    running = asyncio.create_task(process.run(command, lambda one: _feed(line_mask, one), 600))
    while not running.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1e3, time.perf_counter() - began


def _feed(line_mask: LineMask, piece: bytes) -> None:
    line_mask.feed(piece)
