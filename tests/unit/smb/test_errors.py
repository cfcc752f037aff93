"""Names of errno."""

import errno

from aod.smb import errors, ntstatus

GAPS = {41, 58}
"""Numbers that Linux left unused (include/uapi/asm-generic/errno.h)."""


def test_names_and_numbers_agree() -> None:
    for number, name in errors.NAMES.items():
        assert errors.NUMBERS[name] == number
    assert errors.NUMBERS["EACCES"] == errno.EACCES
    assert errors.NUMBERS["EWOULDBLOCK"] == errors.NUMBERS["EAGAIN"]
    second = {name for name, number in errors.NUMBERS.items() if errors.NAMES[number] != name}
    assert second == {"EWOULDBLOCK", "EDEADLOCK", "ENOTSUP"}


def test_every_errno_of_linux_has_a_name() -> None:
    assert errors.NAMES.keys() == {*range(1, 134), *range(512, 532)} - GAPS - {520}
    internal = {512: "ERESTARTSYS", 519: "ENOPARAM", 524: "ENOTSUPP", 531: "ENOGRACE"}
    assert {number: errors.NAMES[number] for number in internal} == internal
    assert errors.NAMES[133] == "EHWPOISON"


def test_what_the_client_maps_statuses_to_has_a_name() -> None:
    mapped = {status.errno for status in ntstatus.statuses()} - {""}
    assert {"EREMCHG", "EKEYEXPIRED", "EOPNOTSUPP", "ENODATA", "EREMOTE", "EIO"} <= mapped
    assert {errors.errno_name(errors.NUMBERS[name]) for name in mapped} == mapped


def test_an_error_is_shown_by_the_kernels_name() -> None:
    assert errors.errno_name(-13) == errors.errno_name(13) == "EACCES"
    assert errors.errno_name(errno.EAGAIN) == "EAGAIN"
    assert errors.errno_name(errno.EDEADLK) == "EDEADLK"
    assert errors.errno_name(0) == ""
    assert errors.errno_name(-524) == "ENOTSUPP"
    assert errors.errno_name(-600) == "errno 600"


def test_every_error_has_a_text_of_its_own() -> None:
    texts = {errors.errno_text(number) for number in errors.NAMES}
    assert len(texts) == len(errors.NAMES)
    assert not {text for text in texts if not text or "Unknown error" in text}
