"""All files of a bundle's folder: read twice, once for the names and once to replace them.

What comes of it lies in a folder of its own until all is done, so a death at any moment leaves the
files as they were.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Struct

from aod.actions import table
from aod.anomaly import Anomaly
from aod.bundles import contents, manifest
from aod.bundles.manifest import Manifest
from aod.bundles.redact import host, pcap
from aod.bundles.redact.gathering import Gathering
from aod.bundles.redact.kinds import Kind, Pseudonyms
from aod.bundles.redact.text import Redactor
from aod.files import FOLDER_MODE, create
from aod.flight.pcap import PcapError

DRAFT: Final = ".draft.json"
DONE: Final = ".redacted"
NAMELESS: Final = frozenset({contents.EVENTS, contents.STATS})
"""Numbers only, and what tasks call themselves."""
_PACKETS_LEFT_OUT: Final = "left out: packets are redacted only where they are headers only"
_BINARY_LEFT_OUT: Final = "left out: files of this kind cannot be redacted"
_CHUNK: Final = 1 << 17
"""What is found in it takes some hundred times as much memory."""
_LONGEST_LINE: Final = 1 << 19
"""A line beyond twice that may be cut within a name."""
_MANIFEST_AS_IT_IS: Final = frozenset(
    {"aod_version", "created", "kernel", "version", "type", "rule", "anomaly"}
    | {"file", "status", "started", "sha256"}
)
_ANOMALY_AS_IT_IS: Final = frozenset(
    {"anomaly", "rule", "actions", "command", "status", "error", "state", "comm"}
    | {"commands", "statuses", "sessions", "tasks", "evidence"}
)


class Draft(Struct, frozen=True):
    """What the manifest is made from, before and after."""

    manifest: Manifest
    anomaly: Anomaly
    left_out: dict[str, str] = {}
    """Files that are not in the bundle, and why."""


def redact(folder: Path, *, headers_only: bool) -> None:
    """Fill `folder/.redacted` with the redacted files, and the draft with them.

    Raises:
        OSError, msgspec.MsgspecError: the folder is not as it has to be.
    """
    draft = msgspec.json.decode((folder / DRAFT).read_bytes(), type=Draft)
    texts, others = _files(folder)
    redactor, pseudonyms = _gathered(draft, texts)
    done = folder / DONE
    done.mkdir(FOLDER_MODE)
    for path in texts:
        with path.open("rb") as source, create(done / path.name) as target:
            for chunk in chunks(source):
                target.write(redactor.text(chunk, path.name))
    left_out = {}
    for path in others:
        if why := _binary(path, done / path.name, pseudonyms, headers_only=headers_only):
            left_out[path.name] = why
    _write_draft(done, draft, left_out, redactor, pseudonyms)


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Text, and what is none."""
    binary = {row.file for row in table.ACTIONS if row.binary}
    known = NAMELESS | {contents.ANOMALY, contents.SUMMARY, manifest.FILE}
    found = sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name not in known and path.is_file()
    )
    return (
        [path for path in found if path.name not in binary and path.suffix != ".pcap"],
        [path for path in found if path.name in binary or path.suffix == ".pcap"],
    )


def chunks(file: IO[bytes], size: int = _CHUNK, longest: int = _LONGEST_LINE) -> Iterator[bytes]:
    """The file in pieces that end with a line; a very long line is cut at a space, or anywhere."""
    held = b""
    while piece := file.read(size):
        held += piece
        end = max(held.rfind(b"\n"), held.rfind(b" ") if len(held) > longest else -1) + 1
        if not end and len(held) > 2 * longest:
            end = len(held)
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _gathered(draft: Draft, texts: list[Path]) -> tuple[Redactor, Pseudonyms]:
    gathering = Gathering()
    gathering.add(Kind.HOSTS, draft.manifest.host.encode())
    for mount in draft.manifest.mounts:
        gathering.add(Kind.MOUNTS, mount.mount_point.encode(errors="replace"))
    for told in (draft.anomaly, draft.manifest):
        for string in _strings(msgspec.to_builtins(told)):
            gathering.look_at(string.encode(errors="replace"))
    for path in texts:
        with path.open("rb") as source:
            for chunk in chunks(source):
                gathering.look_at(chunk, path.name)
    for kind, name in host.names():
        gathering.add(kind, name)
    return gathering.redactor()


def _strings(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for value in told.values():
            yield from _strings(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _strings(value)


def _binary(path: Path, target: Path, pseudonyms: Pseudonyms, *, headers_only: bool) -> str:
    """Redact a file that is no text; why it is left out, if it is."""
    if path.suffix != ".pcap":
        return _BINARY_LEFT_OUT
    if not headers_only:
        return _PACKETS_LEFT_OUT
    try:
        redacted = pcap.redact(path.read_bytes(), pseudonyms)
    except PcapError as error:
        return f"left out: {error}"
    with create(target) as file:
        file.write(redacted)
    return ""


def _write_draft(
    done: Path,
    draft: Draft,
    left_out: dict[str, str],
    redactor: Redactor,
    pseudonyms: Pseudonyms,
) -> None:
    told = msgspec.to_builtins(draft.manifest)
    host_name = pseudonyms.name(Kind.HOSTS, draft.manifest.host.encode()).decode()
    redacted = _mapped(told, _MANIFEST_AS_IT_IS, redactor) | {"host": host_name}
    anomaly = _mapped(msgspec.to_builtins(draft.anomaly), _ANOMALY_AS_IT_IS, redactor)
    redacted["redacted"] = msgspec.to_builtins(pseudonyms.replaced())
    made = {"manifest": redacted, "anomaly": anomaly, "left_out": left_out}
    with create(done / DRAFT) as file:
        file.write(msgspec.json.encode(msgspec.convert(made, type=Draft)))


def _mapped(told: Any, as_it_is: frozenset[str], redactor: Redactor) -> Any:
    """All strings redacted, but for those under these keys; keys are never touched."""
    if isinstance(told, str):
        return redactor.string(told)
    if isinstance(told, list | tuple):
        return [_mapped(value, as_it_is, redactor) for value in told]
    if isinstance(told, dict):
        return {
            key: value
            if key in as_it_is and not isinstance(value, dict)
            else _mapped(value, as_it_is, redactor)
            for key, value in told.items()
        }
    return told
