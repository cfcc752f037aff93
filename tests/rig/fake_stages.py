"""A supervisor over fake stages, in an interpreter of its own.

`python -m tests.rig.fake_stages RUNTIME_DIR PLAN`, where PLAN is JSON: what each stage does (by
default, good), the fields of the policy, the stages left out. Every stage reports to stdout what it
does, in lines of JSON.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from aod import log
from aod.cli.exits import guarded
from aod.config.schema import Supervision
from aod.stages.base import StageContext
from aod.supervision import folders
from aod.supervision.supervisor import Supervisor
from aod.transport.wire import STAGES
from tests.rig.configs import NO_USER, bare


def report(context: StageContext, what: str, **more: Any) -> None:
    line = json.dumps({"stage": context.name, "what": what, "pid": os.getpid(), **more})
    os.write(1, f"{line}\n".encode())


def myself() -> dict[str, Any]:
    """How others see this process."""
    fds = [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.exists()]
    return {
        "comm": Path("/proc/self/comm").read_text().strip(),
        "command": Path("/proc/self/cmdline").read_bytes().rstrip(b"\0").decode(),
        "fds": {kind: sum(kind in fd for fd in fds) for kind in ("pidfd", "pipe:", "eventpoll")},
        "parent": os.getppid(),
    }


def live(context: StageContext, behaviour: str) -> None:
    """Send heartbeats until it is asked to stop."""
    note = "for a reason" if behaviour == "waiting" else ""
    while not context.shutting_down:
        context.heartbeat("waiting" if note else "ready", note)
        context.wait(0.2)
        for message in context.inbox.messages():
            report(context, "received", message=type(message).__name__)
    report(context, "stopped")


def fake(behaviour: str, context: StageContext) -> int:
    report(context, "started", **myself())
    match behaviour:
        case "fails":
            return 7
        case "raises":
            raise RuntimeError("boom")
        case "exits":
            sys.exit(9)
        case "silent":
            while True:
                signal.pause()
        case "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        case reads if reads.startswith("reads "):
            Path(reads.removeprefix("reads ")).read_bytes()
        case "lives shortly":
            context.heartbeat()
            return 7
        case _:
            live(context, behaviour)
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    if behaviour == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


def main() -> int:
    runtime_dir, plan = Path(sys.argv[1]), json.loads(sys.argv[2])
    for stage in STAGES:
        module: Any = ModuleType(f"aod.stages.{stage}")
        behaviour = plan["stages"].get(stage, "good")
        module.run = lambda context, behaviour=behaviour: fake(behaviour, context)
        sys.modules[module.__name__] = module
    config = bare(
        runtime_dir,
        event_log_mb=1,
        user=NO_USER,
        supervision=Supervision(**plan["policy"]),
    )
    folders.prepare(config, log.ROOT)
    return Supervisor(config, plan["without"]).run()


if __name__ == "__main__":
    sys.exit(guarded(main))
