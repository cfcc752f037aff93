"""The build backend (PEP 517): setuptools, once the eBPF object and the shim's source are made."""

import subprocess
from pathlib import Path
from typing import Any

import build_shim
from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

ROOT = Path(__file__).resolve().parent.parent


def _prepare() -> None:
    build_shim.emit()
    # -o: what a build needs is there already; nothing is to be installed.
    command = ["make", "--no-print-directory", "-o", "build/.setup", "bpf"]
    subprocess.run(command, cwd=ROOT, check=True)


def build_wheel(*arguments: Any, **options: Any) -> str:
    _prepare()
    return str(build_meta.build_wheel(*arguments, **options))


def build_editable(*arguments: Any, **options: Any) -> str:
    _prepare()
    return str(build_meta.build_editable(*arguments, **options))


def build_sdist(*arguments: Any, **options: Any) -> str:
    return str(build_meta.build_sdist(*arguments, **options))
