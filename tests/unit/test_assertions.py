"""Every test can fail: it asserts something, by itself or through a function of the tests'."""

import ast
from collections.abc import Iterator
from typing import TypeAlias

from scripts.vm.tools import REPO

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FAILURES = {"AssertionError", "TimeoutError"}
FOLDERS = ("tests", "scripts")


def functions(node: ast.AST) -> Iterator[Function]:
    return (one for one in ast.walk(node) if isinstance(one, Function))


def asserts(function: Function) -> bool:
    """By itself."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Attribute) and node.attr in {"raises", "warns", "fail"}:
            return True
        if isinstance(node, ast.Raise) and FAILURES & set(names(node)):
            return True
    return False


def names(node: ast.AST) -> Iterator[str]:
    """Of what is called or referred to, without what it belongs to."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr


def without_assertion(modules: dict[str, ast.Module]) -> list[str]:
    """The tests that call nothing that asserts. A name counts where all functions of that name in
    these modules assert; so `write` and `run` count for nothing."""
    found = [(where, one) for where, module in modules.items() for one in functions(module)]
    guilty = {one.name for _, one in found if not asserts(one)}
    while True:
        known = {one.name for _, one in found} - guilty
        cleared = {
            name
            for name in guilty
            if all(asserts(one) or known & set(names(one)) for _, one in found if one.name == name)
        }
        if not cleared:
            break
        guilty -= cleared
    return sorted(
        f"{where}: {one.name}"
        for where, one in found
        if one.name.startswith("test_") and not asserts(one) and not known & set(names(one))
    )


def parsed(text: str) -> dict[str, ast.Module]:
    return {"here": ast.parse(text)}


def test_every_test_asserts_something() -> None:
    paths = [path for folder in FOLDERS for path in (REPO / folder).rglob("*.py")]
    assert len(paths) > 200
    modules = {str(path.relative_to(REPO)): ast.parse(path.read_text()) for path in paths}
    assert without_assertion(modules) == []


def test_one_that_asserts_nothing_would_be_found() -> None:
    text = "def test_a(): write(1)\ndef write(n): print(n)\ndef test_b(): check(2)\n"
    assert without_assertion(parsed(text + "def check(n): assert n\n")) == ["here: test_a"]


def test_a_name_that_asserts_only_sometimes_is_no_assertion() -> None:
    text = "def check(n): assert n\nclass A:\n    def check(self): pass\n"
    assert without_assertion(parsed(text + "def test_a(): check(1)\n")) == ["here: test_a"]
