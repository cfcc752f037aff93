"""One action to its file: what the manifest says is what happened. All children are real."""

import asyncio
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.actions import process
from aod.actions.action import Action, Command
from aod.actions.job import ASKING_AT_ONCE, Job
from aod.actions.mounts import LOGON, Target
from aod.actions.output import Keep
from aod.actions.resolve import Situation
from aod.actions.result import Mount, Source, Status
from aod.actions.source import collect_action
from aod.actions.table import ACTIONS
from aod.config.schema import Capture
from aod.settings import ActionName
from tests.unit.samples import CONFIG, with_job

NO_TIME_SEC = 0.5


def target(name: str, server: str = "s", **changes: str) -> Target:
    mount = Mount(f"//{server}/{name}", f"/mnt/{name}", "cifs", changes.get("options", "rw"))
    return Target(mount=mount, path=mount.mount_point, why_not=changes.get("why_not", ""))


SITUATION = Situation(Path(), 1_700_000_000 * 10**9, CONFIG, tuple(map(target, "abc")))
ACTION = Action(
    name=ActionName.DMESG,
    file="dmesg.log",
    about="",
    commands=(Command(("true",)),),
    timeout_sec=30,
    max_bytes=1 << 20,
)


def shell(code: str, **changes: object) -> Action:
    """A row that runs a shell."""
    return replace(runs("sh", "-c", code), **changes)


def runs(*argv: str) -> Action:
    return replace(ACTION, commands=(Command(argv),))


def each_mount(code: str, **changes: object) -> Action:
    """A row that runs a shell for each mount; `$0` is the mount point."""
    command = Command(("sh", "-c", code), each_mount=True)
    return replace(ACTION, commands=(command,), **changes)


def collect(
    action: Action,
    folder: Path,
    limits: Capture = CONFIG.capture,
    prepare: Callable[[Job], object] = lambda _: None,
    targets: Sequence[Target] = SITUATION.targets,
) -> tuple[list[Source], str]:
    """Run an action; its sources, and the content of its file."""
    config = replace(CONFIG, capture=limits)
    here = replace(SITUATION, folder=folder, config=config, targets=tuple(targets))

    async def run(job: Job) -> list[Source]:
        prepare(job)
        return await collect_action(action, here, job)

    sources = with_job(run)
    content = (folder / action.file).read_bytes()
    for source in sources:
        assert source.name == action.name
        assert source.file == action.file
        assert source.bytes == len(content) <= limits.max_file_mb * (1 << 20)
        assert source.sha256 == hashlib.sha256(content).hexdigest()
    return sources, content.decode()


def test_success(tmp_path: Path) -> None:
    [source], content = collect(shell("echo one; echo two"), tmp_path)
    assert content == "one\ntwo\n"
    assert source.status is Status.OK
    assert source.exit_status == 0
    assert not source.truncated
    assert not source.timed_out
    assert source.command == ("sh", "-c", "echo one; echo two")
    assert source.started.endswith("+00:00")
    assert source.duration_sec > 0


def test_failure_keeps_output_and_the_tail_of_stderr(tmp_path: Path) -> None:
    [source], content = collect(shell("echo some; echo 'no pass=hunter2' >&2; exit 9"), tmp_path)
    assert content == "some\n"
    assert (source.status, source.exit_status) == (Status.FAILED, 9)
    assert source.stderr_tail == "no pass=***\n"


def test_what_a_program_says_of_its_output_is_the_note(tmp_path: Path) -> None:
    code = "echo some; echo 'the ring reaches back 0.5 s' >&2; echo pass=hunter2 >&2"
    command = Command(("sh", "-c", code), errors_are_note=True)
    [source], _ = collect(replace(ACTION, commands=(command,)), tmp_path)
    assert (source.status, source.note) == (Status.OK, "the ring reaches back 0.5 s pass=***")


def test_lines_that_a_log_says_it_lost_are_in_the_note(tmp_path: Path) -> None:
    lost = "systemd-journald[311]: Suppressed 23 messages from kubelet.service"
    code = f"echo one; echo '{lost}'; printf 'kernel: cifs_dbg: 7 callbacks suppressed'"
    [source], content = collect(shell(code), tmp_path)
    assert content.startswith("one\nsystemd-journald")
    assert source.status is Status.OK
    assert source.note == (
        "journald dropped 23 messages of kubelet.service; the kernel dropped 7 messages of cifs_dbg"
    )


@pytest.mark.skipif(not shutil.which("journalctl"), reason="needs systemd's journalctl")
def test_a_journal_that_is_not_there_is_no_whole_one(tmp_path: Path) -> None:
    row = next(one for one in ACTIONS if one.name is ActionName.JOURNALCTL)
    (command,) = row.commands
    (tmp_path / "none").mkdir()
    empty = replace(command, argv=(*command.argv, f"--directory={tmp_path / 'none'}"))
    [source], content = collect(replace(row, commands=(empty,)), tmp_path)
    assert content == "-- No entries --\n"
    assert (source.status, source.note) == (Status.MISSING, "No journal files were found.")


def test_an_error_that_is_only_printed_is_a_failure(tmp_path: Path) -> None:
    command = Command(("echo", "syscall failed: no"), error_text=b"syscall failed")
    action = replace(ACTION, commands=(command,))
    [source], _ = collect(action, tmp_path)
    assert (source.status, source.exit_status) == (Status.FAILED, 0)


def test_a_hanging_source_is_killed_and_its_output_kept(tmp_path: Path) -> None:
    action = shell("trap '' TERM; echo begun; sleep infinity", timeout_sec=NO_TIME_SEC)
    [source], content = collect(action, tmp_path)
    assert content == "begun\n"
    assert source.status is Status.TIMED_OUT
    assert source.timed_out
    assert NO_TIME_SEC <= source.duration_sec < 30


def test_the_configuration_may_allow_less_time_and_less_room(tmp_path: Path) -> None:
    limits = Capture(action_timeout_sec=NO_TIME_SEC, max_file_mb=3 / (1 << 20))
    [source], content = collect(shell("printf 123; sleep infinity"), tmp_path, limits)
    assert (source.status, content) == (Status.TIMED_OUT, "123")


def test_an_endless_source_is_stopped_at_its_cap(tmp_path: Path) -> None:
    [source], content = collect(replace(runs("yes"), max_bytes=1001), tmp_path)
    assert content == ("y\n" * 501)[:1001]
    assert source.status is Status.TRUNCATED
    assert source.truncated


def test_the_end_of_a_log_is_kept(tmp_path: Path) -> None:
    action = replace(runs("seq", "100000"), max_bytes=12, keep=Keep.END)
    [source], content = collect(action, tmp_path)
    assert content == "99999\n100000\n"[1:]
    assert (source.status, source.exit_status) == (Status.TRUNCATED, 0)


def test_a_missing_source_has_a_file_that_says_so(tmp_path: Path) -> None:
    [source], content = collect(runs("no-such-program"), tmp_path)
    assert content == "aod: not collected: no-such-program: no such program in PATH\n"
    assert source.status is Status.MISSING
    assert source.exit_status is None
    assert source.note == "no-such-program: no such program in PATH"


def test_a_program_that_cannot_be_started_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    [source], _ = collect(runs("program"), tmp_path)
    assert source.status is Status.FAILED
    assert "program" in source.note


def test_secrets_are_masked_in_content_and_command(tmp_path: Path) -> None:
    [source], content = collect(shell("printf 'rw,password=hunter2,ro'"), tmp_path)
    assert content == "rw,password=***,ro"
    assert "hunter2" not in str(source)


ASK = 'case "$0" in */b) echo half; exec sleep infinity;; *) echo "free $0";; esac'


def test_a_mount_that_hangs_does_not_cost_the_others(tmp_path: Path) -> None:
    sources, content = collect(each_mount(ASK, timeout_sec=3), tmp_path)
    assert [source.status for source in sources] == [Status.OK, Status.TIMED_OUT, Status.OK]
    assert [source.command[-1] for source in sources] == ["/mnt/a", "/mnt/b", "/mnt/c"]
    sections = content.split("==> ")
    assert sections[1].endswith("/mnt/a <==\nfree /mnt/a\n")
    assert "/mnt/b <==\nhalf\naod: timed_out after " in sections[2]
    assert sections[3].endswith("/mnt/c <==\nfree /mnt/c\n")


HIDDEN = "not asked (hidden by another mount): //s/b on /mnt/a"
MANY = [target(f"{number:02}") for number in range(24)]


def many(code: str, **changes: object) -> Action:
    """A row that asks several at the same time."""
    return each_mount(code, **{"at_once": ASKING_AT_ONCE, "floor_sec": 1} | changes)


def test_many_mounts_that_are_slow_all_answer_in_their_order(tmp_path: Path) -> None:
    """One after the other each would have half of what it takes."""
    action = many('sleep 0.5; echo "free $0"', timeout_sec=6)
    sources, content = collect(action, tmp_path, targets=MANY)
    assert Counter(source.status for source in sources) == {Status.OK: len(MANY)}
    assert [source.command[-1] for source in sources] == [one.path for one in MANY]
    for section, one in zip(content.split("==> ")[1:], MANY, strict=True):
        assert section.endswith(f"{one.path} <==\nfree {one.path}\n")
    assert min(source.duration_sec for source in sources) >= 0.5


def test_what_is_not_asked_is_not_timed_out(tmp_path: Path) -> None:
    """When all hang, each that is asked has its floor; the others are told apart from them."""
    sources, content = collect(many("sleep infinity", timeout_sec=2.5), tmp_path, targets=MANY)
    asked = [source for source in sources if source.status is Status.TIMED_OUT]
    others = [source for source in sources if source.status is Status.MISSING]
    assert ASKING_AT_ONCE <= len(asked) <= 2 * ASKING_AT_ONCE
    assert min(source.duration_sec for source in asked) >= 1
    assert len(asked) + len(others) == len(MANY)
    note = "not asked (limit): the 2.5 s for all of them were over"
    assert {source.note for source in others} == {note}
    assert content.count(f"<==\naod: {note}\n") == len(others)


def test_a_server_that_hangs_does_not_cost_the_others_their_answers(tmp_path: Path) -> None:
    hanging = [target(f"hangs{number}", "a") for number in range(16)]
    action = many('case "$0" in */hangs*) sleep infinity;; *) echo free;; esac', timeout_sec=10)
    sources, _ = collect(action, tmp_path, targets=hanging + MANY)
    assert {source.status for source in sources[len(hanging) :]} == {Status.OK}
    in_time = {source.status for source in sources[: len(hanging)]}
    assert Status.TIMED_OUT in in_time <= {Status.TIMED_OUT, Status.MISSING}


def test_bundles_that_ask_at_the_same_time_share_the_places(tmp_path: Path) -> None:
    async def twice(job: Job) -> tuple[list[Source], ...]:
        for _ in range(ASKING_AT_ONCE):
            await job.children.asking.acquire()
        action, here = many("echo free", timeout_sec=1.5), replace(SITUATION, folder=tmp_path)
        first = await collect_action(action, here, job)
        job.children.asking.release()
        action = replace(action, file="second.log", timeout_sec=30)
        return first, await collect_action(action, here, job)

    without, with_one = with_job(twice)
    assert {source.note[:17] for source in without} == {"not asked (limit)"}
    assert {source.status for source in with_one} == {Status.OK}


def test_what_waits_for_its_turn_is_full_when_the_file_is(tmp_path: Path) -> None:
    sources, content = collect(many("yes $0", max_bytes=5000), tmp_path, targets=MANY)
    assert len(content) == 5000
    assert {source.status for source in sources} == {Status.TRUNCATED}


def test_a_mount_that_is_not_asked_says_why(tmp_path: Path) -> None:
    targets = [target("a", why_not=HIDDEN), target("b")]
    sources, content = collect(many(f"echo ran >> {tmp_path}/ran"), tmp_path, targets=targets)
    assert (sources[0].status, sources[0].note) == (Status.MISSING, HIDDEN)
    assert f"/mnt/a <==\naod: {HIDDEN}\n" in content
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_kerberos_mount_that_fails_says_what_may_be_the_cause(tmp_path: Path) -> None:
    targets = [target("a", options="rw,sec=krb5"), target("b")]
    sources, _ = collect(many("exit 1"), tmp_path, targets=targets)
    assert [source.note for source in sources] == [LOGON, ""]
    sources, _ = collect(many("exit 0", file="good.log"), tmp_path, targets=targets)
    assert [source.note for source in sources] == ["", ""]


def test_several_commands_share_a_file_under_headings(tmp_path: Path) -> None:
    argvs = (("echo", "one"), ("no-such-program", "x"), ("false",), ("echo", "pass=hunter2"))
    action = replace(ACTION, commands=tuple(Command(argv) for argv in argvs))
    sources, content = collect(action, tmp_path)
    assert [source.status for source in sources] == [
        Status.OK,
        Status.MISSING,
        Status.FAILED,
        Status.OK,
    ]
    first, second, third, fourth = content.split("==> ")[1:]
    assert first == "echo one <==\none\n"
    assert second == (
        "no-such-program x <==\naod: not collected: no-such-program: no such program in PATH\n"
    )
    assert third.startswith("false <==\naod: failed after ")
    assert fourth == "echo pass=*** <==\npass=***\n"


def test_what_is_no_text_is_taken_as_it_is(tmp_path: Path) -> None:
    action = shell("printf 'password=hunter2\\000'; exit 1", binary=True)
    [source], content = collect(action, tmp_path)
    assert (source.status, content) == (Status.FAILED, "password=hunter2\0")
    [source], content = collect(replace(runs("no-such-program"), file="b", binary=True), tmp_path)
    assert (source.status, content) == (Status.MISSING, "")


def test_a_bundle_without_room_runs_nothing(tmp_path: Path) -> None:
    action = shell(f": > {tmp_path}/ran")
    [source], content = collect(
        action, tmp_path, prepare=lambda job: job.budget.end("the disk is nearly full")
    )
    assert (source.status, content) == (Status.TRUNCATED, "")
    assert source.note == "not run: the disk is nearly full"
    assert not (tmp_path / "ran").exists()


def test_a_full_file_ends_an_action_with_many_commands(tmp_path: Path) -> None:
    sources, _ = collect(each_mount("yes", max_bytes=500), tmp_path)
    assert [source.status for source in sources] == [Status.TRUNCATED] * 3
    assert sources[2].note == "not run: the file is full"


def test_what_hangs_in_the_kernel_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the moment that its command tells is another one."""
    action = replace(
        runs("sh", "-c", "exec sleep infinity", "{trigger_ns}"), timeout_sec=NO_TIME_SEC
    )
    with monkeypatch.context() as patch:
        patch.setattr(process, "KILL_GRACE_SEC", NO_TIME_SEC)
        patch.setattr(process, "_kill_group", lambda popen: None)
        [first], _ = collect(action, tmp_path)
    monkeypatch.setattr(f"{__name__}.SITUATION", replace(SITUATION, timestamp_ns=5))
    (tmp_path / action.file).unlink()
    [second], content = collect(action, tmp_path)
    [(_, popen)] = process._abandoned
    popen.kill()
    popen.wait()
    assert process.hanging() == []
    assert (first.status, first.timed_out, first.exit_status) == (Status.ABANDONED, True, None)
    assert second.status is Status.ABANDONED
    assert first.command != second.command
    assert content == "aod: not run: an earlier one still hangs in the kernel\n"


def test_a_file_that_cannot_be_written_is_not_the_sources_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        collect(ACTION, tmp_path / "gone")


def test_in_a_hurry_what_was_printed_has_to_do(tmp_path: Path) -> None:
    async def hurry_when_it_runs(job: Job) -> list[Source]:
        os.mkfifo(tmp_path / "runs")
        action = each_mount(f"echo begun; : > {tmp_path}/runs; sleep infinity")
        task = asyncio.create_task(collect_action(action, replace(SITUATION, folder=tmp_path), job))
        await asyncio.to_thread((tmp_path / "runs").read_bytes)
        job.end()
        return await task

    sources = with_job(hurry_when_it_runs)
    assert [source.status for source in sources] == [Status.TIMED_OUT] * 3
    assert [source.note for source in sources] == [
        "cut short: aod was shutting down",
        "not run: aod was shutting down",
        "not run: aod was shutting down",
    ]
    assert "begun\n" in (tmp_path / ACTION.file).read_text()
