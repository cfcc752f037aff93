"""The users that the configuration and its folders name, as this host knows them."""

import os
import pwd
from typing import Final, NamedTuple

from aod.config.schema import Config


class UserIds(NamedTuple):
    """The ids of a user and a group."""

    uid: int
    gid: int


ROOT: Final = UserIds(0, 0)


def myself() -> UserIds:
    """Those of this process."""
    return UserIds(os.geteuid(), os.getegid())


def detector(config: Config) -> UserIds | None:
    """The user of detect; None if there is none, so that it runs as the one who started it."""
    try:
        entry = pwd.getpwnam(config.user)
    except KeyError:
        return None
    return UserIds(entry.pw_uid, entry.pw_gid)


def shared_gid(config: Config) -> int:
    """The group that may use the sockets and read the event log; root's without such a user."""
    return (detector(config) or ROOT).gid


def cleaner(config: Config) -> UserIds:
    """The user of cleanup: the output folder's owner, or root, who will make the folder."""
    try:
        status = config.aod_output_dir.stat()
    except OSError:
        return ROOT
    return UserIds(status.st_uid, status.st_gid)
