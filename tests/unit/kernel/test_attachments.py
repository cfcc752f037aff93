"""What is reported of programs that are not attached."""

import errno
import os

import msgspec
import pytest

from aod.kernel.attachments import (
    NEEDED,
    Report,
    describe_missing,
    describe_unseen,
    from_mask,
    not_attached,
    rows,
    unseen_mask,
    why_by_age,
)
from aod.kernel.errors import TracerError
from aod.kernel.tracer import Attachment
from aod.smb.commands import ConnectionEvent

WANTED = sorted(event.tracepoint for event in ConnectionEvent)


def attachments(**errors: int) -> list[Attachment]:
    """All programs attached, but for those named with an errno."""
    return [Attachment(name, errors.get(name, 0)) for name in [*sorted(NEEDED), *WANTED]]


def test_all_attached_needs_no_words() -> None:
    assert describe_missing(attachments()) == ""
    assert describe_unseen(attachments()) == ""
    assert unseen_mask(attachments()) == 0


def test_module_that_is_not_loaded_is_waited_for() -> None:
    absent = dict.fromkeys([*NEEDED, *WANTED], errno.ENOENT)
    assert describe_missing(attachments(**absent)).startswith("waiting for the cifs module")
    hindered = describe_missing(attachments(**absent), "'blacklist cifs' in /etc/modprobe.d/x.conf")
    assert hindered.endswith("(a mount will not do it: 'blacklist cifs' in /etc/modprobe.d/x.conf)")


def test_needed_program_that_the_kernel_refuses_is_named_with_the_reason() -> None:
    refused = attachments(smb3_cmd_err=errno.EPERM, smb3_reconnect=errno.EPERM)
    assert describe_missing(refused) == "not attached: smb3_cmd_err, Operation not permitted"


def test_tracepoint_that_the_kernel_does_not_have_keeps_nothing_from_watching() -> None:
    older = attachments(smb3_ses_expired=errno.ENOENT, smb3_connect_err=errno.EINVAL)
    assert describe_missing(older) == ""
    assert from_mask(unseen_mask(older)) == (
        ConnectionEvent.SESSION_EXPIRED,
        ConnectionEvent.CONNECT_FAILED,
    )
    assert describe_unseen(older) == (
        "not seen on this kernel: session expired (smb3_ses_expired, no such tracepoint), "
        "connect failed (smb3_connect_err, Invalid argument)"
    )


def test_the_json_of_a_report_has_its_documented_names() -> None:
    report = Report((("smb3_tcon", "no such tracepoint"),), "by their age")
    assert msgspec.to_builtins(report) == {
        "programs": (("smb3_tcon", "no such tracepoint"),),
        "release": "by their age",
    }
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_report_names_what_is_not_attached() -> None:
    programs = rows([*attachments(), Attachment("smb3_tcon", errno.ENOENT)])
    assert not_attached(programs) == "not attached: smb3_tcon, no such tracepoint"
    assert not_attached(rows(attachments())) == ""


@pytest.mark.parametrize(
    "events", [(), (ConnectionEvent.RECONNECT,), tuple(ConnectionEvent)], ids=len
)
def test_mask_and_back(events: tuple[ConnectionEvent, ...]) -> None:
    mask = unseen_mask(attachments(**{event.tracepoint: errno.ENOENT for event in events}))
    assert from_mask(mask) == events
    assert mask.bit_count() == len(events)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOENT, "the cifs module has no BTF"),
        (errno.ESRCH, "the functions of the cifs module are others than the hooks know"),
        (errno.EPERM, "loading the hooks: Operation not permitted"),
    ],
)
def test_why_no_hook_sees_a_mid_released_is_one_line(number: int, told: str) -> None:
    error = TracerError(number, f"loading the hooks: {os.strerror(number)}\nlibbpf: more\n")
    assert why_by_age(error) == told
