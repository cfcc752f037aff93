"""A configuration in the place of another, under a running daemon: what changes, what cannot."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from aod.config.load import load
from aod.config.schema import Config

FIXED: Final = (
    "aod_output_dir",
    "runtime_dir",
    "state_dir",
    "pin_dir",
    "user",
    "ring_mb",
    "event_log_mb",
    "max_inflight",
)
"""Keys of what is made once, when the daemon starts."""
_MOST_TOLD: Final = 100
_MOST_LETTERS: Final = 200
_ABSENT: Final = "-"


@dataclass(frozen=True)
class Reload:
    """What a reload comes to."""

    config: Config
    """To go on with."""
    changed: dict[str, str]
    """By key, such as `guardian.anomalies.slow.threshold_ms`: `old -> new`."""
    kept: tuple[str, ...]
    """Keys that are others in the file, and stay as they are until a restart."""
    warnings: tuple[str, ...]


def read(path: Path, running: Config) -> Reload:
    """What the file says now, for a daemon that runs with another configuration.

    Raises:
        ConfigError: it cannot be used.
    """
    loaded = load(path)
    return merged(running, loaded.config, loaded.warnings)


def merged(running: Config, new: Config, warnings: tuple[str, ...] = ()) -> Reload:
    """The new configuration, but for the keys that cannot change."""
    kept = tuple(key for key in FIXED if getattr(running, key) != getattr(new, key))
    config = replace(new, **{key: getattr(running, key) for key in FIXED})
    return Reload(config, differences(running, config), kept, warnings)


def differences(old: Config, new: Config) -> dict[str, str]:
    """By key, in order: `old -> new`, the first `_MOST_TOLD`."""
    before, after = _flat(old), _flat(new)
    keys = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    told = {key: f"{_said(before, key)} -> {_said(after, key)}" for key in keys[:_MOST_TOLD]}
    if more := len(keys) - _MOST_TOLD:
        told |= {"...": f"{more} more"} if more > 0 else {}
    return told


def _flat(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _flatten("", msgspec.to_builtins(config, enc_hook=str), found)
    return found


def _flatten(key: str, value: Any, found: dict[str, Any]) -> None:
    if not isinstance(value, dict):
        found[key] = value
        return
    for name, inner in value.items():
        _flatten(f"{key}.{name}" if key else str(name), inner, found)


def _said(values: dict[str, Any], key: str) -> str:
    if key not in values:
        return _ABSENT
    text = msgspec.json.encode(values[key]).decode()
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."
