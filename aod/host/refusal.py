"""Why the kernel refused the eBPF object, in one line that says what to do.

The errno alone says little: a locked down kernel answers EINVAL, for it hides a helper from the
verifier (kernel/trace/bpf_trace.c, bpf_tracing_func_proto), or EPERM, where a distribution forbids
bpf() altogether; EPERM comes from a container's filter and a user namespace, too, and for want of
memory that may be locked."""

import errno
from typing import Final

from aod.host.surroundings import Surroundings
from aod.kernel.errors import TracerError

CONFIDENTIALITY: Final = "confidentiality"
"""The mode of lockdown that forbids programs to read the kernel's memory; `integrity` allows it."""
LOCKED: Final = (
    "this kernel refuses eBPF tracing programs: it is locked down "
    "(lockdown: confidentiality); mode integrity would allow them"
)
_REFUSES: Final = "this kernel refuses eBPF tracing programs"
_LOG_BEGINS, _LOG_ENDS = "-- BEGIN PROG LOAD LOG --", "-- END PROG LOAD LOG --"
_HELPER: Final = "bpf_probe_read"
"""What the verifier does not know in that mode; #4, its name, differs from kernel to kernel."""


def explain(error: TracerError, around: Surroundings, ring_refusal: int) -> str:
    """Why the kernel refused the object; `ring_refusal`: the errno for the smallest ring buffer."""
    if around.lockdown == CONFIDENTIALITY:
        return LOCKED
    detail = telling(str(error.args[1]))
    if error.errno == errno.EPERM:
        return f"{_REFUSES}: {_permission(around, ring_refusal) or detail}"
    if error.errno == errno.EACCES and ring_refusal == errno.EACCES and around.selinux_enforces:
        return f"{_REFUSES}: SELinux forbids bpf() to this process; see ausearch -m avc"
    if not around.lockdown and _HELPER in detail:
        return f"{_REFUSES}, as one in lockdown mode {CONFIDENTIALITY} does ({detail})"
    return f"this kernel does not take the eBPF object: {detail}"


def _permission(around: Surroundings, ring_refusal: int) -> str:
    """What the permission is wanting for; empty: not known."""
    if around.in_user_namespace:
        return "this is a user namespace, as of a container without privileges: run it on the host"
    if ring_refusal and around.filtered:
        return "a filter of system calls (seccomp), the container's or the unit's, forbids bpf()"
    if not ring_refusal and around.locked_bytes is not None:
        kib = around.locked_bytes // 1024
        return (
            f"its maps count as locked memory, of which {kib} KiB are allowed: "
            f"ulimit -l unlimited, or LimitMEMLOCK=infinity in a unit"
        )
    return ""


def telling(text: str) -> str:
    """What was tried, and the line of libbpf's messages that says why it failed: the last one of
    the verifier, or else the first."""
    first, *lines = (" ".join(line.split()) for line in text.splitlines())
    if _LOG_ENDS in text:
        end = next(i for i, line in enumerate(lines) if _LOG_ENDS in line)
        reasons = [line for line in lines[:end] if _is_reason(line)][-1:]
    else:
        reasons = [line for line in lines if line][:1]
    return "; ".join([first, *(reason.removeprefix("libbpf: ") for reason in reasons)])


def _is_reason(line: str) -> bool:
    """Whether it is more than what the verifier adds to every log."""
    return bool(line) and not line.startswith("processed ") and _LOG_BEGINS not in line
