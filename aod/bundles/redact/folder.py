"""All files of a bundle's folder: read twice, once to find the names and once to replace them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from msgspec import Struct

from aod.actions import table
from aod.anomaly import Anomaly
from aod.bundles import contents, manifest
from aod.bundles.manifest import Manifest
from aod.bundles.redact import pcap
from aod.bundles.redact.gathering import Gathering, known_here
from aod.bundles.redact.kinds import Kind
from aod.bundles.redact.text import Redactor
from aod.files import FOLDER_MODE, create
from aod.flight.pcap import PcapError

DRAFT: Final = ".draft.json"
DONE: Final = ".redacted"
NAMELESS: Final = frozenset({contents.EVENTS, contents.STATS})
"""Numbers only, and what tasks call themselves."""
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
    """What the manifest is made from: before redaction, and after it."""

    manifest: Manifest
    anomaly: Anomaly
    left_out: dict[str, str] = {}
    """Files that are not in the bundle, and why."""


def redact(folder: Path, *, headers_only: bool) -> None:
    """Fill `folder/.redacted` with the redacted files, and the draft with them.

    Raises OSError, msgspec.MsgspecError: the folder has no draft, or cannot be read or written."""
    draft = msgspec.json.decode((folder / DRAFT).read_bytes(), type=Draft)
    texts, others = _files(folder)
    redactor = _gathered(draft, texts)
    done = folder / DONE
    done.mkdir(FOLDER_MODE)
    for path in texts:
        with path.open("rb") as source, create(done / path.name) as target:
            for chunk in chunks(source):
                target.write(redactor.text(chunk, path.name))
    left_out = {}
    for path in others:
        if why := _binary(path, done / path.name, redactor, headers_only=headers_only):
            left_out[path.name] = why
    _write_draft(done, draft, left_out, redactor)


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The text files, and the others."""
    binary = {row.file for row in table.ACTIONS if row.binary}
    known = NAMELESS | {contents.ANOMALY, contents.SUMMARY, manifest.FILE}
    found: tuple[list[Path], list[Path]] = [], []
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and path.name not in known and path.is_file():
            found[path.name in binary or path.suffix == ".pcap"].append(path)
    return found


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


def _gathered(draft: Draft, texts: list[Path]) -> Redactor:
    gathering = Gathering()
    gathering.add(Kind.HOSTS, draft.manifest.host.encode())
    for mount in draft.manifest.mounts:
        gathering.add(Kind.MOUNTS, mount.mount_point.encode(errors="replace"))
    parts = msgspec.to_builtins((draft.anomaly, draft.manifest))
    _mapped(parts, lambda text: gathering.look_at(b'"%b"' % text.encode(errors="replace")))
    for path in texts:
        with path.open("rb") as source:
            for chunk in chunks(source):
                gathering.look_at(chunk, path.name)
    for kind, name in known_here():
        gathering.add(kind, name)
    return gathering.redactor()


def _binary(path: Path, target: Path, redactor: Redactor, *, headers_only: bool) -> str:
    """Redact a binary file; why it is left out, if it is."""
    if path.suffix != ".pcap":
        return "left out: files of this kind cannot be redacted"
    if not headers_only:
        return "left out: packets are redacted only where they are headers only"
    try:
        with create(target) as file:
            file.writelines(pcap.redact(path.read_bytes(), redactor.pseudonyms))
    except PcapError as error:
        target.unlink()
        return f"left out: {error}"
    return ""


def _write_draft(done: Path, draft: Draft, left_out: dict[str, str], redactor: Redactor) -> None:
    host_name = redactor.pseudonyms.name(Kind.HOSTS, draft.manifest.host.encode()).decode()
    builtins = msgspec.to_builtins(draft)
    redacted = _mapped(builtins["manifest"], redactor.string, _MANIFEST_AS_IT_IS)
    anomaly = _mapped(builtins["anomaly"], redactor.string, _ANOMALY_AS_IT_IS)
    redacted |= {"host": host_name, "redacted": redactor.pseudonyms.replaced()}
    made = {"manifest": redacted, "anomaly": anomaly, "left_out": left_out}
    with create(done / DRAFT) as file:
        file.write(msgspec.json.encode(msgspec.convert(made, type=Draft)))


def _mapped(
    value: Any, change: Callable[[str], object], as_it_is: frozenset[str] = frozenset()
) -> Any:
    """All strings changed, but for those under the keys `as_it_is`; keys are never touched."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_mapped(one, change, as_it_is) for one in value]
    if isinstance(value, dict):
        return {
            key: one
            if key in as_it_is and not isinstance(one, dict)
            else _mapped(one, change, as_it_is)
            for key, one in value.items()
        }
    return value
