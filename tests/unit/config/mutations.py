"""Broken configurations: bytes that were changed, and data that is put together wrongly."""

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Final, TypeAlias

from tests.unit.config.seeds import SEEDS
from tests.unit.config.yaml_text import Data, block, flow

Edit: TypeAlias = Callable[[random.Random, bytes], bytes]

SPLICES: Final[tuple[bytes, ...]] = tuple(
    text.encode("utf-8", "surrogatepass")
    for text in (
        *"\t\n\r :-#[]{}&*!|>'\"%@`,?\\\0\x07\x85\u2028\ufeff\ud800é",
        *("null", "~", "true", "yes", "-1", "1e999", ".nan", "-.inf", "9" * 30, "0x1F", "1_0"),
        *("2024-01-01", "2024-13-45", "12:30:45", "<<: *a", "<<: [*a, *a]", "&a ", "*a", "*b"),
        *("---\n", "...\n", "- ", "? ", ": ", "  ", "%YAML 1.1\n", "# ", "''", '""', "\\x00"),
        *("!!binary ", "!!set ", "!!timestamp x", "!!int x", "!!float y", "!!python/none ", "!a "),
        *("SMB2_READ", "EIO", "STATUS_X", "Latency", "type", "guardian", "anomalies", "actions"),
    )
)

ODD: Final[tuple[Data, ...]] = (
    *(None, True, False, 0, -1, 1, 1.5, 10**12, 10**400, 1e308, "", " ", "x", "é\x00", "x" * 300),
    *([], {}, [None], [[]], [{}], {"": {}}, {"type": {}}, [1, "a", None], {"a": {"b": {"c": []}}}),
    *("SMB2_READ", "EIO", "STATUS_DISK_FULL", "dmesg", "Latency", "Error", "trackonly", "/a/../b"),
)


def broken(rng: random.Random) -> bytes:
    """A file made from one of the seeds."""
    data = deepcopy(rng.choice(SEEDS))
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 3)):
            _disturb(rng, data)
    raw: bytes = rng.choice((block, flow))(data).encode()
    if rng.random() < 0.6:
        for _ in range(rng.randint(1, 4)):
            edit = rng.choice(_EDITS)
            raw = edit(rng, raw)
    return raw


def _disturb(rng: random.Random, data: Data) -> None:
    """Replace, remove, rename, repeat or move something, at any level."""
    holders = [each for each in _containers(data) if each]
    if not holders:
        return
    holder, other = rng.choice(holders), rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match rng.randrange(5):
        case 0:
            holder[key] = deepcopy(rng.choice(ODD))
        case 1:
            del holder[key]
        case 2 if isinstance(holder, dict):
            holder[rng.choice([key[:-1], key.upper(), f"{key}s", "x", " "])] = holder.pop(key)
        case 3 if isinstance(other, dict):
            other[str(key)] = deepcopy(holder[key])
        case _ if isinstance(other, list):
            other.insert(rng.randint(0, len(other)), deepcopy(holder[key]))


def _containers(data: Data) -> list[Data]:
    if not isinstance(data, dict | list):
        return []
    inner = data.values() if isinstance(data, dict) else data
    return [data, *(found for each in inner for found in _containers(each))]


def _splice(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randint(0, len(raw))
    return raw[:at] + rng.choice(SPLICES) + raw[at:]


def _cut(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randint(0, len(raw))
    return raw[:at] + raw[at + rng.randint(1, 8) :]


def _flip(rng: random.Random, raw: bytes) -> bytes:
    if not raw:
        return raw
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def _repeat(rng: random.Random, raw: bytes) -> bytes:
    begin, end = sorted(rng.randint(0, len(raw)) for _ in range(2))
    at = rng.randint(0, len(raw))
    return raw[:at] + raw[begin:end][:200] + raw[at:]


def _move_line(rng: random.Random, raw: bytes) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    line = lines.pop(rng.randrange(len(lines)))
    indent = b" " * rng.randint(0, 8)
    lines.insert(rng.randint(0, len(lines)), indent + line.lstrip())
    return b"".join(lines)


def _truncate(rng: random.Random, raw: bytes) -> bytes:
    return raw[: rng.randint(0, len(raw))]


_EDITS: Final[tuple[Edit, ...]] = (_splice, _splice, _cut, _flip, _repeat, _move_line, _truncate)
