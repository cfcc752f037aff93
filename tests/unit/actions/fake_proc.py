"""A folder that looks like /proc, as far as our own programs read it."""

from pathlib import Path


def add_task(
    proc: Path, pid: int, comm: bytes, state: str, *, tid: int = 0, ticks: int = 0, rss: int = 0
) -> Path:
    """A task of a process; its folder."""
    fields = [state, *["0"] * 10, str(ticks), "0", *["0"] * 8, str(rss), *["0"] * 30]
    stat = b"%d (%b) %b\n" % (pid, comm, " ".join(fields).encode())
    task = proc / str(pid) / "task" / str(tid or pid)
    task.mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "stat").write_bytes(stat)
    (task / "stat").write_bytes(stat)
    (task / "wchan").write_text("wait_for_response")
    (task / "stack").write_text(f"[<0>] wait_for_response+0x1/0x2 of {tid or pid}\n")
    return task
