"""What a `pip install` of the tree has: every package, and every file that is read at run time."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from setuptools import find_packages

from aod.actions.table import ACTIONS
from scripts.vm.tools import REPO

ROOT: Final = REPO
SETTINGS: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
MADE_BY_A_BUILD: Final = "*.so"
"""setuptools adds what it compiles by itself."""


def installed(settings: dict[str, Any]) -> set[Path]:
    """The files of the tree that these settings install."""
    packages = find_packages(str(ROOT), **settings["packages"]["find"])
    found = {path for name in packages for path in ROOT.joinpath(*name.split(".")).glob("*.py")}
    for name, patterns in settings["package-data"].items():
        found |= {path for pattern in patterns for path in (ROOT / name).glob(pattern)}
    return found


def present(paths: Iterable[Path]) -> set[Path]:
    """Without what running them leaves, and what is compiled."""
    files = (path for path in paths if path.is_file() and "__pycache__" not in path.parts)
    return {path for path in files if not path.match(MADE_BY_A_BUILD)}


def test_every_file_of_the_package_is_installed() -> None:
    assert present((ROOT / "aod").rglob("*")) == installed(SETTINGS)


def test_every_program_of_an_action_is_installed() -> None:
    lines = [command.argv for action in ACTIONS for command in action.commands]
    programs = {Path(word) for argv in lines for word in argv if word.endswith(".py")}
    assert len(programs) == 4
    assert programs <= installed(SETTINGS)
    modules = {argv[argv.index("-m") + 1] for argv in lines if "-m" in argv}
    assert modules == {"aod.flight.cut"}
    files = {ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in modules}
    assert files <= installed(SETTINGS)
