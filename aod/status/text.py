"""Prints a status for a person, on a terminal."""

import pwd
import time
from collections.abc import Iterator

from aod.conservation import violation
from aod.kernel.attachments import not_attached
from aod.status import anomalies
from aod.status.model import Status, unhealthy
from aod.status.workers import WorkerReport
from aod.text import utc


def render(status: Status) -> str:
    """The text; its last line says whether the daemon is healthy."""
    now_ns = time.monotonic_ns()
    wrong = unhealthy(status, now_ns)
    lines = [
        *_daemon(status, now_ns),
        *_attached(status),
        "",
        *_flow(status),
        "",
        *_packets(status),
        *_bundles(status),
        *anomalies.render(status.anomalies, now_ns),
        "",
        *_commands(status),
        "",
        *([f"unhealthy: {one}" for one in wrong] or ["healthy"]),
    ]
    return "\n".join(lines)


def _line(label: str, text: str) -> str:
    return f"{label:<12} {text}"


def _daemon(status: Status, now_ns: int) -> Iterator[str]:
    daemon, pid = status.daemon, status.supervisor_pid
    since = f" since {daemon.since[:19]} UTC, version {daemon.version}" if daemon.since else ""
    yield _line("supervisor", f"running, pid {pid}{since}" if pid else "not running")
    for worker in daemon.workers:
        yield _line(worker.stage, "; ".join(_worker(worker, status.users, now_ns)))


def _worker(worker: WorkerReport, users: dict[str, int], now_ns: int) -> Iterator[str]:
    who = f", pid {worker.pid} as {_user(users.get(worker.stage, -1))}" if worker.pid else ""
    yield f"{worker.state}{who}"
    if worker.heartbeat_ns:
        yield f"last heartbeat {max(0.0, (now_ns - worker.heartbeat_ns) / 1e9):.0f} s ago"
    if worker.note:
        yield worker.note
    if worker.restarts:
        times = "time" if worker.restarts == 1 else "times"
        yield f"respawned {worker.restarts:,} {times}, last: {worker.last_end}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"user {uid}"


def _attached(status: Status) -> Iterator[str]:
    programs = status.attached.programs
    if programs:
        attached = sum(not why for _, why in programs)
        yield _line("attached", f"{attached} of {len(programs)} programs")
    if missing := not_attached(programs):
        yield _line("", missing)
    if status.attached.mid_release:
        yield _line("unanswered", f"recognised {status.attached.mid_release}")
    if status.unseen:
        yield _line("not seen", ", ".join(status.unseen))


def _flow(status: Status) -> Iterator[str]:
    total = status.total
    unread = max(0, status.records - status.read)
    rate = f"{status.finished_per_second:,.0f} per second now"
    yield _line("operations", f"{total.finished:,} finished, {rate}")
    yield _line("event log", f"{status.records:,} records, {unread:,} not read yet")
    yield _line("in flight", f"{status.in_flight:,} operations")
    lost = {
        "ring full": total.dropped_ring_full,
        "too many in flight": total.dropped_inflight_full,
        "on purpose": total.dropped_simulated,
        "missed by the kernel": status.missed,
        "overwritten before detect read them": status.skipped,
    }
    reasons = ", ".join(f"{count:,} {why}" for why, count in lost.items() if count)
    yield _line("lost", reasons or "nothing")
    if status.not_read:
        yield _line("not read", f"files of /proc/fs/cifs, {status.not_read:,} times")
    if status.hanging_reader:
        yield _line("", f"a {status.hanging_reader} hangs in the kernel")
    yield _line("sums", "all hold" if status.conserved else "WRONG: lost or counted twice")
    for one in status.violations:
        yield _line("", violation.sentence(one))


def _packets(status: Status) -> Iterator[str]:
    """The ring of packets, where there is one (`aod.flight.packets`)."""
    for counters in (worker.counters for worker in status.daemon.workers):
        if "packets_recording" in counters:
            state = "recorded" if counters["packets_recording"] else "NOT recorded"
            reach_sec, dropped = (
                counters.get(f"packets_{name}", 0) for name in ("reach_sec", "dropped")
            )
            yield _line(
                "packets", f"{state}; the oldest is {reach_sec:,} s old; {dropped:,} dropped"
            )


def _bundles(status: Status) -> Iterator[str]:
    shown = ("sealed", "refused", "set_aside", "lost")
    counts = ", ".join(f"{status.outcomes.get(name, 0):,} {name}" for name in shown)
    outcomes = counts.replace("set_aside", "failed permanently")
    text = f"{status.declared:,} declared; {outcomes}; {status.open:,} being captured or waiting"
    yield _line("anomalies", text)
    if (output := status.output) is None:
        return
    if output.last:
        size = f"{output.last_bytes >> 10:,} KiB"
        yield _line("last bundle", f"{output.last}, {utc(output.last_timestamp)}, {size}")
    sizes = (output.bytes, output.limit_bytes, output.free_bytes)
    used, limit, free = (size / (1 << 20) for size in sizes)
    space = f"{used:,.1f} of {limit:,.10g} MiB, {free:,.0f} MiB free"
    yield _line("output", f"{output.folder}: {output.bundles:,} bundles, {space}")


def _commands(status: Status) -> Iterator[str]:
    yield f"{'command':<22}{'started':>12}{'finished':>12}{'unanswered':>12}{'dropped':>10}"
    for name, one in status.commands.items():
        yield (
            f"{name:<22}{one.started:>12,}{one.finished:>12,}{one.unanswered + one.gave_up:>12,}"
            f"{one.dropped:>10,}"
        )
