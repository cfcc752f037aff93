"""Work in which no anomaly should be declared, watched by two daemons at once.

One has the repository's configuration. The other one also declares every failure that is not
benign by nature, at the first: a benign answer that is not left out would be seen.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from scripts.vm.guest import cifs
from scripts.vm.guest.counters import RUNTIME, finished, settled
from scripts.vm.guest.lab import Facts, Lab, replaced

DEFAULT: Final = "default"
STRICT: Final = "strict"
RUNTIMES: Final = {DEFAULT: RUNTIME, STRICT: Path("/run/aod-strict")}

_ANOMALIES = "  anomalies:\n"
_EVERY_ERROR = """\
    every_error:
      type: "Error"
      tool: "smbiosnoop"
      mode: "all"
      acceptable_count: 0
"""
# Two daemons share no folder.
_FOLDERS = {
    "aod_output_dir: /var/log/aod": "aod_output_dir: /var/log/aod-strict",
    "#runtime_dir: /run/aod": f"runtime_dir: {RUNTIMES[STRICT]}",
    "#state_dir: /var/lib/aod": "state_dir: /var/lib/aod-strict",
    "#pin_dir: /sys/fs/bpf/aod": "pin_dir: /sys/fs/bpf/aod-strict",
}


def observed(lab: Lab, work: Callable[[], Facts]) -> Facts:
    """Run `work` while both daemons watch; its facts, what the client sent, what the daemons saw.

    The share must be mounted, or have been: the module has to be there.
    """
    config = lab.configuration(strict, STRICT)
    with lab.daemon(name=DEFAULT) as default, lab.daemon(config=config, name=STRICT) as other:
        default.wait_until_watching()
        other.wait_until_watching()
        for runtime in RUNTIMES.values():
            settled(runtime)
        before = cifs.command_counts()
        facts = work()
        sent = cifs.difference(before, cifs.command_counts())
        return {
            **facts,
            "sent": {command: count.total for command, count in sent.items()},
            "finished": {name: finished(runtime) for name, runtime in RUNTIMES.items()},
            "exit_status": {DEFAULT: lab.stop(default), STRICT: lab.stop(other)},
        }


def strict(text: str) -> str:
    """The configuration of the daemon that declares every failure."""
    for old, new in _FOLDERS.items():
        text = replaced(text, old, new)
    return replaced(text, _ANOMALIES, _ANOMALIES + _EVERY_ERROR)
