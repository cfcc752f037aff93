"""A configuration in the place of another, under a running daemon: what changes, what cannot."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from aod.config.load import load
from aod.config.schema import Config
from aod.config.validate import FOLDERS, SIZES

FIXED: Final = (*FOLDERS, "user", *SIZES)
"""Keys that hold until a restart."""
_MAX_CHANGES: Final = 100
_MAX_LETTERS: Final = 200


@dataclass(frozen=True)
class Reload:
    """The result of a reload."""

    config: Config
    """The configuration to use from now on."""
    changed: dict[str, str]
    """By key, such as `guardian.anomalies.slow.threshold_ms`: `old -> new`."""
    kept: tuple[str, ...]
    """Keys that differ in the file and need a restart."""
    warnings: tuple[str, ...]


def read(path: Path, running: Config) -> Reload:
    """The file, for a daemon that runs with another configuration.

    Raises ConfigError: it cannot be used."""
    loaded = load(path)
    return merged(running, loaded.config, loaded.warnings)


def merged(running: Config, new: Config, warnings: tuple[str, ...] = ()) -> Reload:
    """The new configuration, but for the keys that need a restart."""
    kept = tuple(key for key in FIXED if getattr(running, key) != getattr(new, key))
    config = replace(new, **{key: getattr(running, key) for key in kept})
    return Reload(config, differences(running, config), kept, warnings)


def differences(old: Config, new: Config) -> dict[str, str]:
    """By key, in order: `old -> new`, the first `_MAX_CHANGES`."""
    before, after = _flat(old), _flat(new)
    keys = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    found = {key: f"{_shown(before, key)} -> {_shown(after, key)}" for key in keys[:_MAX_CHANGES]}
    if len(keys) > _MAX_CHANGES:
        found["..."] = f"{len(keys) - _MAX_CHANGES} more"
    return found


def _flat(config: Config) -> dict[str, Any]:
    """Dotted key -> value."""
    found: dict[str, Any] = {}
    sections = [("", msgspec.to_builtins(config, enc_hook=str))]
    for prefix, section in sections:
        for name, value in section.items():
            if isinstance(value, dict):
                sections.append((f"{prefix}{name}.", value))
            else:
                found[f"{prefix}{name}"] = value
    return found


def _shown(values: dict[str, Any], key: str) -> str:
    if key not in values:
        return "-"
    text = msgspec.json.encode(values[key]).decode()
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}..."
