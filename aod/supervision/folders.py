"""The folders that the daemon writes to."""

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from aod.config.schema import Config
from aod.files import FILE_MODE, FOLDER_MODE, OUTPUT_MODE, own
from aod.host import users
from aod.host.users import ROOT, UserIds
from aod.smb import peers
from aod.state import counters, spool
from aod.transport.position import LOG_NAME, POSITION_NAME
from aod.transport.wire import STAGES, socket_path

SPOOL_MODE: Final = 0o770
POSITION_MODE: Final = 0o660
_OTHERS: Final = 0o077


class FolderError(Exception):
    """A folder that the configuration names cannot be used."""


class Folder(NamedTuple):
    """A folder and its owner; parents that are created get the same owner."""

    key: str
    path: Path
    owner: UserIds
    mode: int


def prepare(config: Config, logger: logging.Logger) -> None:
    """Create missing folders, and make sure that nobody else can use them.

    Raises FolderError: one cannot be created or written, or others can use it."""
    _make_output(config.aod_output_dir, logger)
    for folder in layout(config):
        try:
            _make(folder)
        except OSError as error:
            raise _cannot_be_written(folder.key, folder.path, error) from error
    if os.geteuid() == ROOT.uid and users.detector(config) is None:
        text = "there is no user '%s' on this host: detect runs as root, without capabilities"
        logger.info(text, config.user)


def layout(config: Config) -> list[Folder]:
    """The daemon's own folders, parents first; the output folder exists.

    Started by another user than root, all of them belong to that user."""
    is_root = os.geteuid() == ROOT.uid
    common = UserIds(ROOT.uid, users.shared_gid(config)) if is_root else users.myself()
    owners = dict.fromkeys(STAGES, common)
    if is_root:
        owners["detect"] = users.detector(config) or common
        owners["cleanup"] = common._replace(uid=users.cleaner(config).uid)
    runtime, state = config.runtime_dir, config.state_dir
    inboxes = [
        Folder("runtime_dir", socket_path(runtime, name).parent, owner, FOLDER_MODE)
        for name, owner in owners.items()
    ]
    return [
        Folder("runtime_dir", runtime, common, FOLDER_MODE),
        *inboxes,
        Folder("state_dir", state, common, FOLDER_MODE),
        Folder("state_dir", state / spool.FOLDER, common, SPOOL_MODE),
    ]


def share(config: Config) -> None:
    """Give the group the files that the stages share, whoever created them, and remove the sockets
    of a dead daemon. The caller holds the lock, and has created the event log.

    Raises OSError: a file is missing, or is not a regular file."""
    for path in (socket_path(config.runtime_dir, name) for name in STAGES):
        for one in (path, path.parent.with_suffix(".sock")):  # and their place in 0.1
            with suppress(OSError):
                one.unlink()
    if os.geteuid() != ROOT.uid:
        return
    shared = UserIds(ROOT.uid, users.shared_gid(config))
    own(config.runtime_dir / POSITION_NAME, shared, POSITION_MODE)
    own(config.runtime_dir / LOG_NAME, shared, FILE_MODE)
    for name in (counters.NAME, peers.FILE.name):
        with suppress(FileNotFoundError):
            own(config.runtime_dir / name, shared, FILE_MODE)


def _make(folder: Folder) -> None:
    """Idempotent: the next start completes what a death interrupted."""
    for path in (*reversed(folder.path.parents), folder.path):
        if path == folder.path or not path.exists():
            made = _mkdir(path, folder.mode)
            if not made and folder.path.stat().st_mode & 0o007 and any(folder.path.iterdir()):
                raise FolderError(  # it is one of others, such as /run, named by mistake
                    f"{folder.key}: {folder.path} is open to everybody, and not empty; "
                    "name a folder for aod alone, or chmod 750 it"
                )
            own(path, folder.owner, folder.mode, os.O_DIRECTORY)
    _probe(folder.path)


def _make_output(path: Path, logger: logging.Logger) -> None:
    """An existing folder keeps its owner and mode; it may be a link to one."""
    try:
        for above in reversed(path.parents):
            _mkdir(above, FOLDER_MODE)
        made = _mkdir(path, OUTPUT_MODE)
        _probe(path)
    except OSError as error:
        raise _cannot_be_written("aod_output_dir", path, error) from error
    mode = path.stat().st_mode & 0o777
    if not made and mode & _OTHERS:
        logger.warning(
            "aod_output_dir: %s can be entered by others than its owner (mode %o); "
            "for bundles, chmod 700 it",
            *(path, mode),
        )


def _mkdir(path: Path, mode: int) -> bool:
    """Whether it was created."""
    try:
        path.mkdir(mode & OUTPUT_MODE)
    except FileExistsError:
        return False
    path.chmod(mode)  # whatever the umask
    return True


def _probe(path: Path) -> None:
    """Create a file; unnamed where possible, so that a death here leaves no leftover."""
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600))
        return
    probe = path / f".write-test.{os.getpid()}"
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    probe.unlink()


def _cannot_be_written(key: str, path: Path, error: OSError) -> FolderError:
    what = "name another folder, or make it"
    if error.errno == errno.EROFS and "INVOCATION_ID" in os.environ:  # systemd.exec(5)
        what = f"the unit allows it with ReadWritePaths={path} (systemctl edit aod.service)"
    return FolderError(f"{key}: {path} cannot be written ({error.strerror}); {what}")
