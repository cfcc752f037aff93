"""The command line of qemu: one small x86-64 machine with this host's files as its disk."""

import os
from dataclasses import dataclass
from pathlib import Path

from scripts.vm.kernel import Kernel
from scripts.vm.tools import find_tool


@dataclass(frozen=True)
class Machine:
    """What to boot, and on what. What the guest writes to its root is kept in its memory, too.

    Emulated, a guest with one processor has a clock that counts instructions: what takes 2 ms takes
    2 ms on any host under any load, only the user waits longer. So its latencies mean something.
    With more processors that does not work, and what takes 2 ms may take 50 when the host is busy;
    but code that runs at the same time as other code really does.
    """

    kernel: Kernel
    cpus: int = 1
    memory_mib: int = 2048
    systemd: bool = False
    """Whether the first process is systemd, which runs the program as a service."""
    kernel_arguments: str = ""
    """More of them, for the kernel's command line."""


# quiet: errors only, the serial port is slow. panic=-1: qemu ends at once (-no-reboot).
# cryptomgr.notests, mitigations=off: seconds of a software-emulated boot, worth nothing here.
_KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 cryptomgr.notests mitigations=off"

# An instruction takes 2**this ns on the guest's clock: 250 million a second, about twice what
# emulation reaches, which leaves a healthy SMB request at 1 to 2 ms.
_INSTRUCTION_SHIFT = 2


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
        *_processors(machine.cpus),
        *("-m", str(machine.memory_mib), "-display", "none", "-serial", "stdio"),
        *("-kernel", str(machine.kernel.image), "-initrd", str(initramfs)),
        *("-append", f"{_KERNEL_ARGUMENTS} {machine.kernel_arguments}".rstrip()),
        *("-virtfs", _share(Path("/"), "host", "readonly=on,multidevs=remap")),
        *("-virtfs", _share(results, "results", "readonly=off,multidevs=remap")),
    ]


def _processors(cpus: int) -> list[str]:
    """How qemu runs the guest; AOD_VM_ACCEL (kvm, tcg) overrules what is found."""
    processors = ["-smp", str(cpus)]
    if os.environ.get("AOD_VM_ACCEL", "kvm" if _has_kvm() else "tcg") == "kvm":
        return [*processors, "-cpu", "max", "-accel", "kvm"]
    # QEMU 7.2 emulates AVX2 wrongly: numpy's argsort of 64 numbers and more is not sorted.
    processors += ["-cpu", "max,avx2=off", "-accel"]
    if cpus > 1:
        return [*processors, "tcg,thread=multi"]
    return [*processors, "tcg,thread=single", "-icount", f"shift={_INSTRUCTION_SHIFT}"]


def _has_kvm() -> bool:
    """Whether KVM works.

    A /dev/kvm can be there and hang every guest, in a virtual machine whose processor has no
    virtualisation of its own: the device alone is no proof.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    flags = set(Path("/proc/cpuinfo").read_text().split())
    return bool(flags & {"vmx", "svm"})


def _share(path: Path, tag: str, options: str) -> str:
    """One 9p share. qemu reads a doubled comma as one that belongs to the path."""
    escaped = str(path).replace(",", ",,")
    return f"local,path={escaped},mount_tag={tag},security_model=none,{options}"
