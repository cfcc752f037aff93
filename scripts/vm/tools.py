"""The host's programs that the virtual machine needs, and where this repository caches things."""

import os
import shutil
import subprocess
from pathlib import Path

from scripts.vm.errors import SetupError

REPO = Path(__file__).resolve().parents[2]
# Resolved: the guest finds what is in it before its root is in place, when links lead elsewhere.
CACHE = (REPO / ".cache" / "vm").resolve()

# A normal user's PATH often lacks the folders where administrators' programs are.
_SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin:/usr/sbin:/sbin"))

_PACKAGE_OF = {
    "apt-cache": "apt",
    "apt-get": "apt",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "modprobe": "kmod",
    "mount.cifs": "cifs-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
    "smbd": "samba",
    "tc": "iproute2",
    "tcpdump": "tcpdump",
}


def find_tool(name: str) -> str:
    """Return the path of a host program; SetupError names the package that has it."""
    path = shutil.which(name, path=_SEARCH)
    if path is None:
        package = _PACKAGE_OF.get(name, name)
        raise SetupError(f"{name} is not installed: apt-get install {package}")
    return path


def require_tools(*names: str) -> None:
    """Check for several programs at once, so that one message names every missing package."""
    missing = [name for name in names if shutil.which(name, path=_SEARCH) is None]
    if missing:
        packages = sorted({_PACKAGE_OF.get(name, name) for name in missing})
        raise SetupError(
            f"not installed: {', '.join(missing)}. apt-get install {' '.join(packages)}"
        )


def run_tool(
    name: str, *args: str | Path, cwd: Path | None = None, stdin: str | None = None
) -> str:
    """Run a host program to its end and return what it printed; SetupError carries its complaint.

    Its language is fixed to C, because some of what it prints is parsed.
    """
    done = subprocess.run(
        [find_tool(name), *map(str, args)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if done.returncode != 0:
        complaint = done.stderr.strip() or f"status {done.returncode}"
        raise SetupError(f"{name} {' '.join(map(str, args))} failed: {complaint}")
    return done.stdout
