"""Print which tasks used the processors during SECONDS, and which hold most memory.

Only /proc/PID/stat is read: reading a command line waits for the lock of a task's address space,
which a task that hangs on a mapped file may hold. Fields: proc(5)."""

import os
import sys
import time

_STATE, _UTIME, _STIME, _START, _RSS = 0, 11, 12, 19, 21
"""Fields of stat, counted from the first one after the name."""
_SHOWN = 25


def tasks(proc: str) -> dict[tuple[int, bytes], tuple[str, list[bytes]]]:
    """Name and fields of each process, by its pid and when it began: a pid may be used again."""
    found = {}
    for pid in [int(name) for name in os.listdir(proc) if name.isdecimal()]:
        try:
            with open(f"{proc}/{pid}/stat", "rb", buffering=0) as file:
                stat = file.read(4096)
        except OSError:  # it ended
            continue
        name = stat[stat.find(b"(") + 1 : stat.rfind(b")")].decode(errors="replace")
        shown = "".join(letter if letter.isprintable() else "?" for letter in name)
        fields = stat[stat.rfind(b")") + 2 :].split()
        found[pid, fields[_START]] = shown, fields
    return found


def ticks(fields: list[bytes]) -> int:
    """Processor time used so far."""
    return int(fields[_UTIME]) + int(fields[_STIME])


def main(seconds: str, proc: str = "/proc") -> None:
    """Sample twice, and print."""
    before, began = tasks(proc), time.monotonic()
    time.sleep(float(seconds))
    after, took_sec = tasks(proc), time.monotonic() - began
    per_sec = os.sysconf("SC_CLK_TCK") * took_sec
    page_kib = os.sysconf("SC_PAGE_SIZE") // 1024
    used = {
        task: (ticks(fields) - (ticks(before[task][1]) if task in before else 0)) / per_sec * 100
        for task, (_, fields) in after.items()
    }
    print(f"{len(after)} processes; processor time during {took_sec:.2f} s (100 %: one processor)")
    print("    PID S   %CPU    RSS_KIB COMM")
    busiest = sorted(after, key=lambda task: -used[task])[:_SHOWN]
    largest = sorted(after, key=lambda task: -int(after[task][1][_RSS]))[:_SHOWN]
    for task in dict.fromkeys(busiest + largest):
        name, fields = after[task]
        state, rss_kib = fields[_STATE].decode(), int(fields[_RSS]) * page_kib
        print(f"{task[0]:>7} {state} {used[task]:6.1f} {rss_kib:>10} {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
