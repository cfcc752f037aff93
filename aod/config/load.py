"""Reads a configuration file: a valid `Config` and its warnings, or errors with file and line."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from aod.config.explain import Problem, problems, to_path
from aod.config.schema import Config
from aod.config.validate import doubts, faults
from aod.config.yaml_lines import MAX_BYTES, BadYamlError, parse
from aod.files import open_regular


class ConfigError(Exception):
    """A configuration that cannot be used; its text is `FILE:LINE: what is wrong; what is allowed`,
    one line per fault."""


@dataclass(frozen=True)
class Loaded:
    """A configuration that can be used."""

    config: Config
    warnings: tuple[str, ...]
    """`FILE:LINE: ...`, in the order of the file."""
    path: Path
    raw: bytes
    """The text of the file."""


def load(path: Path) -> Loaded:
    """The configuration in a YAML file.

    Raises ConfigError: the file cannot be read, or anything in it is wrong; nothing else is
    raised."""
    try:
        with open_regular(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: cannot be read: {reason}") from error
    return load_text(raw, path)


def load_text(raw: bytes, path: Path) -> Loaded:
    """The configuration in the text of a YAML file; `path` is what messages call it.

    Raises ConfigError: anything in it is wrong; nothing else is raised."""
    try:
        document = parse(raw)
    except BadYamlError as error:
        raise _refusal(path, [Problem(*error.args)]) from error
    if document.data is None:
        text = "the file is empty; allowed: at least one anomaly under guardian: anomalies:"
        raise _refusal(path, [Problem(1, text)])
    try:
        config = msgspec.convert(document.data, Config, dec_hook=to_path)
    except msgspec.ValidationError as error:
        found = list(problems(document, Config)) or [Problem(1, str(error))]
        raise _refusal(path, found) from error
    if found := list(faults(config, document)):
        raise _refusal(path, found)
    return Loaded(config, _lines(path, doubts(config, document)), path, raw)


def _refusal(path: Path, found: Iterable[Problem]) -> ConfigError:
    return ConfigError("\n".join(_lines(path, found)))


def _lines(path: Path, found: Iterable[Problem]) -> tuple[str, ...]:
    return tuple(f"{path}:{line}: {text}" for line, text in sorted(found, key=lambda p: p.line))
