"""Why a kernel refused the object, in one line."""

import errno

import pytest

from aod.host.refusal import LOCKED, explain, telling
from aod.host.surroundings import Surroundings
from aod.kernel.errors import TracerError

EPERM, EACCES, EINVAL = errno.EPERM, errno.EACCES, errno.EINVAL
REFUSED = "this kernel refuses eBPF tracing programs: "
MAP = (
    "libbpf: map 'events': failed to create: Permission denied(-13)\nlibbpf: failed to load object"
)
# As the kernels of Debian 11, 12 and 13 answer in lockdown mode confidentiality, shortened.
HELPER = """libbpf: prog 'smb3_reconnect': BPF program load failed: Invalid argument
libbpf: prog 'smb3_reconnect': -- BEGIN PROG LOAD LOG --
0: (bf) r7 = r1                       ; R1=ctx(off=0,imm=0)
27: (85) call bpf_probe_read#4
unknown func bpf_probe_read#4
processed 27 insns (limit 1000000) max_states_per_insn 0
-- END PROG LOAD LOG --
libbpf: prog 'smb3_reconnect': failed to load: -22
libbpf: failed to load object 'smb'"""


def refused(number: int, text: str = "") -> TracerError:
    return TracerError(number, f"loading: {errno.errorcode[number]}\n{text}".strip())


@pytest.mark.parametrize("number", [EPERM, EINVAL, EACCES, errno.E2BIG])
def test_locked_down_kernel_is_named_whatever_it_answers(number: int) -> None:
    around = Surroundings(lockdown="confidentiality", filtered=True)
    assert explain(refused(number, HELPER), around, ring_refusal=0) == LOCKED


@pytest.mark.parametrize(
    ("number", "around", "ring_refusal", "says"),
    [
        (EPERM, Surroundings(in_user_namespace=True, filtered=True), EPERM, "a user namespace"),
        (EPERM, Surroundings(filtered=True), EPERM, "a filter of system calls (seccomp)"),
        (EPERM, Surroundings(locked_bytes=65536), 0, "locked memory, of which 64 KiB are allowed"),
        (EPERM, Surroundings(lockdown="none"), 0, "loading: EPERM"),
        (EPERM, Surroundings(lockdown="integrity", filtered=True), 0, "loading: EPERM"),
        (EACCES, Surroundings(selinux_enforces=True), EACCES, "SELinux forbids bpf()"),
    ],
)
def test_what_forbids_it_is_named(
    number: int, around: Surroundings, ring_refusal: int, says: str
) -> None:
    said = explain(refused(number, MAP), around, ring_refusal)
    assert said.startswith(REFUSED)
    assert says in said
    assert "\n" not in said
    assert "lockdown" not in said


def test_mode_that_cannot_be_read_is_told_by_the_helper() -> None:
    said = explain(refused(EINVAL, HELPER), Surroundings(), ring_refusal=0)
    assert said == (
        "this kernel refuses eBPF tracing programs, as one in lockdown mode confidentiality does "
        "(loading: EINVAL; unknown func bpf_probe_read#4)"
    )


@pytest.mark.parametrize("mode", ["none", "integrity"])
def test_mode_that_allows_it_explains_nothing(mode: str) -> None:
    said = explain(refused(EINVAL, HELPER), Surroundings(lockdown=mode), ring_refusal=0)
    assert said == (
        "this kernel does not take the eBPF object: loading: EINVAL; unknown func bpf_probe_read#4"
    )


def test_object_that_the_verifier_refuses_is_not_selinux_s_doing() -> None:
    log = HELPER.replace("unknown func bpf_probe_read#4", "R2 invalid mem access 'scalar'")
    said = explain(refused(EACCES, log), Surroundings(selinux_enforces=True), ring_refusal=0)
    assert said.endswith("loading: EACCES; R2 invalid mem access 'scalar'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loading: x", "loading: x"),
        ("loading: x\n  libbpf:  y \n\nlibbpf: z", "loading: x; y"),
        (f"loading: x\n{HELPER}", "loading: x; unknown func bpf_probe_read#4"),
        ("loading: x\nlibbpf: -- BEGIN PROG LOAD LOG --\n-- END PROG LOAD LOG --", "loading: x"),
    ],
)
def test_of_many_lines_the_telling_one_is_shown(text: str, said: str) -> None:
    assert telling(text) == said
