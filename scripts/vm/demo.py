"""The whole thing for real, in a throw-away virtual machine: python -m scripts.vm.demo"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import zstandard

from scripts.vm.boot import Limit, run_guest
from scripts.vm.errors import SetupError, VmError
from scripts.vm.guest.daemon import SUPERVISOR
from scripts.vm.guest.demo import DAEMON, GUEST
from scripts.vm.kernel import stock_kernel
from scripts.vm.machine import Machine
from scripts.vm.results import results_folder
from scripts.vm.tools import REPO, require_tools

OUTPUT = REPO / "demo-output"

_TIMEOUT_S = 300


def main() -> int:
    """Show an incident from injection to evidence; 0 only when the bundle is there."""
    try:
        require_tools("smbd", "mount.cifs", "tc")
        if not SUPERVISOR.is_file():
            raise SetupError(f"{SUPERVISOR.relative_to(REPO)} is not there yet: make build")
        bundle = _incident()
    except VmError as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        print(f"demo: {error}\n{notes}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; the virtual machine is off", file=sys.stderr)
        return 130
    _describe(bundle, _unpack(bundle))
    return 0


def _incident() -> Path:
    """Run the guest's side of the story and return the bundle, copied out to OUTPUT."""
    machine = Machine(stock_kernel())
    print(f"Booting Debian's kernel {machine.kernel.release} on this machine's files (qemu) ...")
    with results_folder() as results:
        argv = [sys.executable, "-m", "scripts.vm.guest.demo"]
        run_guest(argv, results, limit=Limit(_TIMEOUT_S), on_line=_show, machine=machine)
        (sealed,) = results.glob("demo/aod_*.tar.zst")
        OUTPUT.mkdir(exist_ok=True)
        return Path(shutil.copy(sealed, OUTPUT))


def _show(line: str) -> None:
    """Pass on what is meant for the user."""
    if line.startswith((GUEST, DAEMON)):
        print(line, flush=True)


def _unpack(bundle: Path) -> Path:
    """Unpack a bundle beside itself; returns the folder."""
    with bundle.open("rb") as packed:
        archive = zstandard.ZstdDecompressor().stream_reader(packed).read()
    subprocess.run(["tar", "-x", "-C", bundle.parent], input=archive, check=True)
    return bundle.with_name(bundle.name.removesuffix(".tar.zst"))


def _describe(bundle: Path, folder: Path) -> None:
    """What was detected, what was collected, and where to look."""
    anomaly = json.loads((folder / "anomaly.json").read_text())
    print(f"\nDetected ({anomaly['anomaly']}): {anomaly['reason']}")
    for path in sorted(folder.iterdir()):
        print(f"  {path.stat().st_size:>9,}  {path.relative_to(REPO)}")
    print(f"Sealed bundle: {bundle.relative_to(REPO)}")
    print(f"Begin with {folder.relative_to(REPO)}/SUMMARY.txt: the bundle on one screen.")


if __name__ == "__main__":
    sys.exit(main())
