"""Mounts whose users are told apart, asked by a root who is none of them, while their logon is good
and when it is not; and one mount over another.
"""

import ctypes
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.samba import HOME
from scripts.vm.guest.shares import FIRST, SECOND, Share
from scripts.vm.guest.tracefs import Trace, traced
from tests.vm.scenarios.many_mounts import CONFIGURATION, capture_now

GUEST = "mounts"
USER = "daemon"
SECRET = "made-up-for-this-guest"  # noqa: S105
OPTIONS = f"vers=3.1.1,noperm,username={USER},password={SECRET},multiuser,nosharesock"
OWN = Path("/mnt/own")
OTHERS = Path("/mnt/others")
STACKED = Path("/mnt/stacked")
_SOMEBODY = 1000


def run(lab: Lab) -> Facts:
    """A bundle of all of them, and one when the password of the users has been changed."""
    _set_password(SECRET)
    config = lab.configuration(lambda _: CONFIGURATION)
    with (
        lab.mounted(OPTIONS, FIRST, OWN),
        _mounted_by_somebody(FIRST, OTHERS),
        lab.mounted(cifs.OPTIONS, SECOND, STACKED),
        lab.mounted(cifs.OPTIONS, FIRST, STACKED),
    ):
        facts: Facts = {"root": [_error_of_root(OWN), _error_of_root(OTHERS)]}
        with traced("smb3_cmd_enter") as witness:
            facts["good"] = lab.keep(capture_now(config))
        facts["good_commands"] = _commands(witness)
        _set_password(f"another-{SECRET}")
        with lab.samba.gone():
            pass
        with traced("smb3_cmd_enter") as witness:
            facts["expired"] = lab.keep(capture_now(config))
        facts["expired_commands"] = _commands(witness)
    return facts


def _error_of_root(folder: Path) -> int | None:
    """What root gets where it needs a session of its own."""
    try:
        (folder / "new").touch()
    except OSError as error:
        return error.errno
    return None


def _commands(witness: Trace) -> list[int]:
    """The commands that were sent, by their numbers."""
    return [int(number) for number in re.findall(r"\bcmd=(\d+)", witness.text)]


def _set_password(secret: str) -> None:
    """Of a user of the server; a new one is added."""
    argv = ("smbpasswd", "-c", str(HOME / "smb.conf"), "-s", "-a", USER)
    subprocess.run(argv, input=f"{secret}\n" * 2, text=True, check=True, capture_output=True)


@contextmanager
def _mounted_by_somebody(share: Share, folder: Path) -> Iterator[None]:
    """A multiuser mount whose own session is another user's, made with that user's rights."""
    folder.mkdir(parents=True)
    options = f"{OPTIONS},uid={_SOMEBODY},ip={share.address},unc={share.unc}"
    with ThreadPoolExecutor(1) as one_thread:
        one_thread.submit(_mount_as_somebody, share.unc, str(folder), options).result()
    try:
        yield
    finally:
        cifs.unmount(folder)


def _mount_as_somebody(*what: str) -> None:
    """setfsuid(2) is for this thread alone; the client looks for the session of that user."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.setfsuid(_SOMEBODY)
    source, target, options = map(str.encode, what)
    if libc.mount(source, target, b"cifs", 0, options):
        number = ctypes.get_errno()
        raise LabError(f"mount of {what[0]}: {os.strerror(number)}\n{command('dmesg')[-2000:]}")
