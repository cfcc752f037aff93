"""Wheels for a guest, which has no network: everything that scripts/install installs."""

import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

from scripts.vm.errors import SetupError
from scripts.vm.tools import CACHE, REPO, run_tool

_REQUIREMENTS = REPO / "scripts" / "requirements.txt"
_PYTHON = REPO / ".venv" / "bin" / "python"
_PIP = ("-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir")
_OURS = REPO / "build" / "wheel"


class Wheels(NamedTuple):
    """Ours, and a folder of the others."""

    aod: Path
    others: Path


def make_wheels() -> Wheels:
    """Fetch the packages that AODv2 needs, once; build its own wheel as the tree is now."""
    others = _others()
    for old in _OURS.glob("*.whl"):
        old.unlink()
    run_tool(str(REPO / "scripts" / "wheel"), _OURS)
    try:
        (ours,) = _OURS.glob("*.whl")
    except ValueError:
        raise SetupError(f"scripts/wheel left no wheel in {_OURS}") from None
    return Wheels(ours, others)


def _others() -> Path:
    """A folder for each list of packages and each Python."""
    about = _REQUIREMENTS.read_text() + run_tool(str(_PYTHON), "--version")
    folder = CACHE / f"wheels-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch, "wheels")
            run_tool(str(_PYTHON), *_PIP, made, "-r", _REQUIREMENTS)
            made.rename(folder)
    return folder
