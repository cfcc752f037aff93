"""The folder that a guest writes its results to: removed after success, kept after a failure."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.vm.tools import CACHE

# Only the latest failure is kept, so that nobody has to clean up.
LAST_FAILURE = CACHE / "last-failure"


class Results:
    """A new, empty folder. `failed` and AOD_VM_KEEP=1 decide what close() does with it."""

    def __init__(self) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="results-", dir=CACHE))
        self.failed = False

    def close(self) -> Path | None:
        """Remove the folder, or return where it can be looked at."""
        if os.environ.get("AOD_VM_KEEP") == "1":
            return self.folder
        if not self.failed:
            shutil.rmtree(self.folder)
            return None
        shutil.rmtree(LAST_FAILURE, ignore_errors=True)
        return self.folder.rename(LAST_FAILURE)


@contextmanager
def results_folder() -> Iterator[Path]:
    """A results folder for the length of a block; an exception names where it is kept."""
    results = Results()
    try:
        yield results.folder
    except BaseException as error:
        results.failed = True
        error.add_note(f"the guest's results and its whole console: {results.close()}")
        raise
    results.close()
