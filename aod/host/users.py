"""Who is who: the users that the configuration and its folders name, as this host knows them."""

import os
import pwd
from typing import Final, NamedTuple

from aod.config.schema import Config


class UserIds(NamedTuple):
    """A user and a group."""

    uid: int
    gid: int


ROOT: Final = UserIds(0, 0)


def myself() -> UserIds:
    """Who this process runs as."""
    return UserIds(os.geteuid(), os.getegid())


def detector(config: Config) -> UserIds | None:
    """Who detect runs as; None: there is no such user, so it stays who started it."""
    try:
        entry = pwd.getpwnam(config.user)
    except KeyError:
        return None
    return UserIds(entry.pw_uid, entry.pw_gid)


def shared_gid(config: Config) -> int:
    """The group that may use the sockets and read the event log; root's where there is no user."""
    found = detector(config)
    return found.gid if found else ROOT.gid


def cleaner(config: Config) -> UserIds:
    """Who cleanup runs as: the owner of the output folder; root, who will make it, if it is not
    there."""
    try:
        status = config.aod_output_dir.stat()
    except OSError:
        return ROOT
    return UserIds(status.st_uid, status.st_gid)
