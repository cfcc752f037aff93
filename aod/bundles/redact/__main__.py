"""python -m aod.bundles.redact FOLDER [--headers-only]"""

import sys
from pathlib import Path
from typing import Final

from aod.bundles.redact.folder import redact

_DEEPEST: Final = 20_000
"""Names of one beginning nest as deep as they are long, in the pattern and so in its compiler."""


def main() -> None:
    """Redact the files of a bundle's folder; a failure ends with a traceback that names none."""
    sys.setrecursionlimit(_DEEPEST)
    folder, *options = sys.argv[1:]
    redact(Path(folder), headers_only="--headers-only" in options)


if __name__ == "__main__":
    main()
