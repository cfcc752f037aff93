"""Runs one target of Python under atheris: python -m tests.fuzz.drive TARGET OPTION ... CORPUS"""

import sys
from importlib import import_module

import atheris  # type: ignore[import-untyped]

NAME = sys.argv.pop(1)
# For `-merge=1` libFuzzer starts itself again: this program, as a shell would.
sys.argv[0] = f"{sys.executable} -m tests.fuzz.drive {NAME}"
with atheris.instrument_imports(include=["aod", f"tests.fuzz.{NAME}"]):
    ONE = import_module(f"tests.fuzz.{NAME}").one

if __name__ == "__main__":
    atheris.Setup(sys.argv, ONE)
    atheris.Fuzz()
