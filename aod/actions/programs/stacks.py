"""Print the kernel stacks of all tasks in D state, and of the cifs client's own threads.

First who they are, which nothing can hold up, then the stacks: reading one waits while its process
is in the middle of an exec. proc(5): stat, wchan, stack (root only)."""

import os
import sys
from collections.abc import Iterator

MAX_STACKS = 256
_MAX_BYTES = 1 << 13


def read(path: str) -> bytes:
    """The file's beginning; empty where it is gone (the task ended) or not for us."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""


def numbers(folder: str) -> list[int]:
    """The pids or tids in a folder of /proc."""
    try:
        return sorted(int(name) for name in os.listdir(folder) if name.isdecimal())
    except OSError:
        return []


def waiting(proc: str) -> Iterator[tuple[str, str]]:
    """The folder, and one line, of each task that is meant."""
    for pid in numbers(proc):
        for tid in numbers(f"{proc}/{pid}/task"):
            task = f"{proc}/{pid}/task/{tid}"
            stat = read(f"{task}/stat")
            # The name may hold anything, parentheses and newlines too.
            comm, state = stat[stat.find(b"(") + 1 : stat.rfind(b")")], stat[stat.rfind(b")") + 2 :]
            if state.startswith(b"D") or b"cifs" in comm:
                name = "".join(c if c.isprintable() else "?" for c in comm.decode(errors="replace"))
                wchan = read(f"{task}/wchan").decode(errors="replace")
                yield task, f"{pid:>7} {tid:>7} {state[:1].decode()} {wchan or '-':<32} {name}"


def main(proc: str = "/proc") -> None:
    """Print all that is meant, at most MAX_STACKS stacks."""
    tasks = list(waiting(proc))
    print(f"{len(tasks)} tasks\n    PID     TID S {'WCHAN':<32} COMM")
    print("\n".join(line for _, line in tasks), flush=True)
    for task, line in tasks[:MAX_STACKS]:
        print(f"\n{line.strip()}", flush=True)
        stack = read(f"{task}/stack").decode(errors="replace")
        sys.stdout.write(stack or "(it ended, or its stack is not for us)\n")
    if len(tasks) > MAX_STACKS:
        print(f"\nthe stacks of {len(tasks) - MAX_STACKS} more are left out")


if __name__ == "__main__":
    main(*sys.argv[1:])
