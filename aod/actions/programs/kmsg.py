"""Print the kernel's messages from SINCE (s since the epoch) on, with their wall-clock time.

A message carries the kernel's own clock, which stands still in suspend, as CLOCK_MONOTONIC does;
so its time is reckoned from now backwards and not, as `dmesg -T` does, from the boot on. The two
clocks drift apart by up to 100 ppm, hence the margin. Form of a record:
Documentation/ABI/testing/dev-kmsg."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

KMSG = "/dev/kmsg"
_LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_MAX_RECORD = 1 << 13
_MOST_ENTRIES = 20_000
_DRIFT = 1e-4


def line(record: bytes, boot_sec: float, since_sec: float) -> str:
    """A record as a line of text; empty when it is older than `since_sec`, or no record."""
    head, _, text = record.partition(b";")
    fields = head.split(b",")
    try:
        level, uptime_sec = int(fields[0]) & 7, int(fields[2]) / 1e6
    except (ValueError, IndexError):
        return ""
    if boot_sec + uptime_sec < since_sec:
        return ""
    when = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(boot_sec + uptime_sec))
    message = text.partition(b"\n")[0].decode(errors="replace")  # then come keys and values
    return f"[{uptime_sec:12.6f}] {when} {_LEVELS[level]}: {message}\n"


def main(since: str, kmsg: str = KMSG) -> None:
    """Print what is there now; where it cannot be read so, what the journal has of it."""
    uptime_sec = time.clock_gettime(time.CLOCK_MONOTONIC)
    boot_sec = time.time() - uptime_sec
    since_sec = float(since) - uptime_sec * _DRIFT
    try:
        fd = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        _print_journal(boot_sec, since_sec, f"{kmsg}: {error.strerror}")
        return
    records = list(iter(lambda: _next(fd), b""))
    sys.stdout.writelines(line(record, boot_sec, since_sec) for record in records)
    for note in gaps(records, boot_sec, since_sec):
        print(note, file=sys.stderr)


def gaps(records: Sequence[bytes], boot_sec: float, since_sec: float) -> Iterator[str]:
    """What is missing of the kernel's buffer, which keeps the newest messages only. Each has a
    number, counted from the boot on."""
    found = [place for record in records if (place := _place(record, boot_sec))]
    if found and found[0][0] and (late_sec := found[0][1] - since_sec) > 0:
        yield f"the kernel's buffer begins {late_sec:.0f} s after the look-back"
    passed = sum(max(0, after[0] - before[0] - 1) for before, after in pairwise(found))
    if passed:
        yield f"{passed} messages were overwritten before they could be read"


def _place(record: bytes, boot_sec: float) -> tuple[int, float] | None:
    """The number of a record, and its time (s since the epoch)."""
    fields = record.partition(b";")[0].split(b",")
    try:
        return int(fields[1]), boot_sec + int(fields[2]) / 1e6
    except (ValueError, IndexError):
        return None


def _print_journal(boot_sec: float, since_sec: float, why: str) -> None:
    """The journal's copy of them: the service may not read the original. Else, what `dmesg` has."""
    records = list(_journaled())
    if not records:
        print(f"all messages, as dmesg has them: {why}", flush=True)
        os.execvp("dmesg", ["dmesg", "-T"])  # noqa: S606
    print(f"from the journal: {why}")
    for record in records:
        sys.stdout.write(line(record, boot_sec, since_sec))


def _journaled() -> Iterator[bytes]:
    """The kernel's messages in the journal, as records."""
    command = ["journalctl", "--dmesg", f"--lines={_MOST_ENTRIES}", "--output=json"]
    command += ["--output-fields=MESSAGE,PRIORITY,_SOURCE_MONOTONIC_TIMESTAMP"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.CalledProcessError):
        return
    for entry in done.stdout.splitlines():
        fields = json.loads(entry)
        message = fields.get("MESSAGE") or ""  # null: it is too long
        text = message.encode() if isinstance(message, str) else bytes(message)
        uptime = fields.get("_SOURCE_MONOTONIC_TIMESTAMP", "")
        yield f"{fields.get('PRIORITY', 6)},0,{uptime},-;".encode() + text


def _next(fd: int) -> bytes:
    while True:
        try:
            return os.read(fd, _MAX_RECORD)
        except BlockingIOError:
            return b""
        except BrokenPipeError:  # overwritten before it was read; the next one is the oldest
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
