"""What is a mount option, and what is a piece of a password."""

import pytest

from aod.actions.mask.options import is_known

OPTIONS = """
rw relatime vers=3.1.1 sec=krb5 cache=strict username=a uid=0 forceuid noforceuid gid=0 addr=::1
file_mode=0755 dir_mode=0755 soft nounix serverino mapposix rsize=4194304 wsize=1 bsize=1 retrans=1
echo_interval=60 actimeo=1 acregmax=1 closetimeo=1 _netdev x-systemd.automount nofail multichannel
max_channels=4 noperm mfsymlinks nobrl seal sign credentials=/a domain=b iocharset=utf8 snapshot=1
reparse=nfs symlink=native nativesocket upcall_target=app compress witness posix nolease
"""


@pytest.mark.parametrize("part", OPTIONS.split())
def test_options_of_all_kernels_are_known(part: str) -> None:
    assert is_known(part.encode())


@pytest.mark.parametrize("part", ["hunter2", "uid", "vers", "b=c", "rw=", "rw2", "", " rw"])
def test_what_is_none_belongs_to_the_password(part: str) -> None:
    assert not is_known(part.encode())
