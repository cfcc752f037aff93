"""Builds the shim with sanitizers, and the environment in which it takes the place of the other.

The product's code does not know: a `sitecustomize` of the environment finds `aod._native` first.
"""

import os
import subprocess
import sysconfig
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

REPO: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = REPO / "build" / "sanitized"
CLANG: Final = os.environ.get("CLANG", "clang")
SANITIZE: Final = (
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-O1",
    "-g",
)
_FINDER: Final = '''"""Finds the sanitized shim in the place of the other."""

import sys
from importlib.util import spec_from_file_location


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return spec_from_file_location(name, {shim!r}) if name == "aod._native" else None


sys.meta_path.insert(0, _Finder)
'''


def compile_shared(target: Path, sources: Sequence[str], *options: str) -> Path:
    """A shared object of C sources, with the sanitizers.

    Raises:
        CalledProcessError: clang refuses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    flags = [*SANITIZE, "-shared-libasan", "-shared", "-fPIC", "-Werror"]
    subprocess.run([CLANG, *flags, *options, *sources, "-o", str(target)], cwd=REPO, check=True)
    return target


def build() -> Path:
    """The shim, from the sources that pyproject.toml names; `make build` made cffi's part."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())
    (extension,) = project["tool"]["setuptools"]["ext-modules"]
    includes = [f"-I{folder}" for folder in extension["include-dirs"]]
    libraries = [f"-l{library}" for library in extension["libraries"]]
    target = FOLDER / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    python = f"-I{sysconfig.get_path('include')}"
    built = compile_shared(target, extension["sources"], python, *includes, *libraries)
    (FOLDER / "sitecustomize.py").write_text(_FINDER.format(shim=str(built)))
    return built


def environment() -> dict[str, str]:
    """For a Python that runs with the sanitized shim, and its children."""
    command = [CLANG, "-print-file-name=libclang_rt.asan-x86_64.so"]
    runtime = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return os.environ | {
        "LD_PRELOAD": runtime,
        "PYTHONPATH": f"{FOLDER}{os.pathsep}{REPO}",
        "PYTHONMALLOC": "malloc",  # each buffer of ours has its own bounds
        # CPython leaves much to the end of its process: each report of a leak would be of that. A
        # symbolizer would be preloaded, too, and outlive the process that it was to explain.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:symbolize=0",
        "UBSAN_OPTIONS": "symbolize=0",
    }
