"""Names of errno."""

import errno

import pytest

from aod.smb import errors


def test_names_and_numbers_agree() -> None:
    for number, name in errors.NAMES.items():
        assert errors.NUMBERS[name] == number
    assert errors.NUMBERS["EACCES"] == errno.EACCES
    assert errors.NUMBERS["EWOULDBLOCK"] == errors.NUMBERS["EAGAIN"]


@pytest.mark.parametrize("name", ["EREMCHG", "EKEYEXPIRED", "EOPNOTSUPP", "ENODATA", "EREMOTE"])
def test_what_the_client_maps_statuses_to_has_a_name(name: str) -> None:
    assert errors.errno_name(errors.NUMBERS[name]) == name


def test_an_error_is_shown_by_the_kernels_name() -> None:
    assert errors.errno_name(-13) == errors.errno_name(13) == "EACCES"
    assert errors.errno_name(errno.EAGAIN) == "EAGAIN"
    assert errors.errno_name(errno.EDEADLK) == "EDEADLK"
    assert errors.errno_name(0) == ""
    assert errors.errno_name(-524) == "errno 524"
