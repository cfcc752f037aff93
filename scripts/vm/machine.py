"""The command line of qemu: one small x86-64 machine with this host's files as its disk."""

import os
from dataclasses import dataclass
from pathlib import Path

from scripts.vm.kernel import Kernel
from scripts.vm.tools import find_tool


@dataclass(frozen=True)
class Machine:
    """What to boot, and on what. What the guest writes to its root is kept in its memory, too."""

    kernel: Kernel
    cpus: int = 2
    memory_mib: int = 2048


# quiet: errors only, the serial port is slow. panic=-1: qemu ends at once (-no-reboot).
# cryptomgr.notests, mitigations=off: seconds of a software-emulated boot, worth nothing here.
_KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 cryptomgr.notests mitigations=off"


def qemu_command(machine: Machine, initramfs: Path, results: Path) -> list[str]:
    """The whole command; its standard output is the guest's console.

    qemu needs no root, but what its user may not read is not readable in the guest either:
    as a normal user, private keys and the homes of others are missing, which Samba and a cifs
    mount do not miss.
    """
    return [
        # A qemu whose caller was killed would go on for ever.
        *(find_tool("setpriv"), "--pdeathsig", "KILL", "--"),
        *(find_tool("qemu-system-x86_64"), "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-accel", _accelerator(), "-cpu", "max", "-smp", str(machine.cpus)),
        *("-m", str(machine.memory_mib), "-display", "none", "-serial", "stdio"),
        *("-kernel", str(machine.kernel.image), "-initrd", str(initramfs)),
        *("-append", _KERNEL_ARGUMENTS),
        *("-virtfs", _share(Path("/"), "host", "readonly=on,multidevs=remap")),
        *("-virtfs", _share(results, "results", "readonly=off,multidevs=remap")),
    ]


def _accelerator() -> str:
    """How qemu runs the guest; AOD_VM_ACCEL (kvm, tcg) overrules what is found.

    A /dev/kvm can be there and hang every guest, in a virtual machine whose processor has no
    virtualisation of its own: the device alone is no proof.
    """
    kind = os.environ.get("AOD_VM_ACCEL") or ("kvm" if _has_kvm() else "tcg")
    return "tcg,thread=multi" if kind == "tcg" else kind


def _has_kvm() -> bool:
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    flags = set(Path("/proc/cpuinfo").read_text().split())
    return bool(flags & {"vmx", "svm"})


def _share(path: Path, tag: str, options: str) -> str:
    """One 9p share. qemu reads a doubled comma as one that belongs to the path."""
    escaped = str(path).replace(",", ",,")
    return f"local,path={escaped},mount_tag={tag},security_model=none,{options}"
