"""The order of the packages: each imports only itself and those above it in this list."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aod

ROOT = Path(aod.__file__).parent
ORDER = (
    "root", "transport", "state", "smb", "kernel", "detectors", "config", "audit", "conservation",
    "host", "flight", "actions", "bundles", "status", "capture", "stages", "supervision",
    "recording", "replay", "cli",
)  # fmt: skip
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
MOST_AT_THE_ROOT = 8


def package(parts: tuple[str, ...]) -> str:
    """The first folder below `aod`; `root` for the modules that lie in it."""
    return parts[0] if (ROOT / parts[0]).is_dir() else "root"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and package of each import of ours, those for type checkers included."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "aod" and rest:
                yield node.lineno, package(tuple(rest))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_only_from_packages_above_its_own(path: Path) -> None:
    own = ORDER.index(package(path.parts))
    wrong = [f"aod/{path}:{at} imports {of}" for at, of in imports(path) if ORDER.index(of) > own]
    assert wrong == []


def test_few_modules_lie_at_the_root() -> None:
    assert len(list(ROOT.glob("*.py"))) <= MOST_AT_THE_ROOT
