"""The real ring of this machine's kernel, as the tests of the kernel have it."""

from tests.kernel.conftest import bpffs, pin_dir

__all__ = ["bpffs", "pin_dir"]
