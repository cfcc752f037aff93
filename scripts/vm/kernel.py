"""A distribution's stock kernel: fetched with apt, never installed, kept in our own cache.

Once a kernel is in the cache, the network and apt are not asked again; remove the cache folder to
get a newer one.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.vm.errors import SetupError
from scripts.vm.image import unpack_image
from scripts.vm.tools import CACHE, require_tools, run_tool

KERNELS = CACHE / "kernels"

# The package that always depends on this release's newest kernel. Another release's kernels would
# be another source: a name here plus the apt options that lead to it.
STOCK = "linux-image-amd64"

_ORIGIN_FILE = "origin.json"
_UNPACKED = "vmlinux"


@dataclass(frozen=True)
class Kernel:
    """A kernel ready to boot: its release (`uname -r`), the image for qemu, the modules' folder."""

    release: str
    image: Path
    modules: Path

    @property
    def module_root(self) -> Path:
        """The folder that kmod's tools take as the root of `lib/modules/<release>`."""
        return self.modules.parents[2]


def stock_kernel() -> Kernel:
    """Return this distribution's stock kernel, fetching it when it is not in the cache."""
    cached = _find_cached(STOCK)
    if cached is None:
        cached = _fetch(STOCK)
    return _open_tree(cached)


def _find_cached(source: str) -> Path | None:
    """The most recently fetched tree that came from `source`."""
    trees = [tree for tree in _cached_trees() if _origin(tree) == source]
    return max(trees, key=lambda tree: tree.stat().st_mtime_ns, default=None)


def _cached_trees() -> Iterator[Path]:
    if KERNELS.is_dir():
        yield from (path.parent for path in KERNELS.glob(f"*/{_ORIGIN_FILE}"))


def _origin(tree: Path) -> str:
    return str(json.loads((tree / _ORIGIN_FILE).read_text())["source"])


def _fetch(source: str) -> Path:
    """Fetch a kernel; refresh apt's lists only if they do not lead to it."""
    require_tools("apt-get", "apt-cache", "dpkg-deb", "depmod")
    try:
        return _fetch_listed(source)
    except SetupError as unlisted:
        # The lists lack it, or name a version that the mirror has replaced since.
        try:
            run_tool("apt-get", "update")
        except SetupError as stale:
            raise SetupError(f"{unlisted}\nand apt's lists cannot be refreshed: {stale}") from stale
        return _fetch_listed(source)


def _fetch_listed(source: str) -> Path:
    """Download the kernel that `source` depends on and unpack it under its version."""
    package = _kernel_package(source)
    version = _version(package)
    KERNELS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=KERNELS) as scratch:
        tree = _unpack(f"{package}={version}", Path(scratch))
        origin = {"source": source, "package": package, "version": version}
        (tree / _ORIGIN_FILE).write_text(json.dumps(origin, indent=2) + "\n")
        return _publish(tree, KERNELS / version)


def _kernel_package(source: str) -> str:
    """Name the package with the kernel itself."""
    try:
        listing = run_tool("apt-cache", "depends", "--important", source)
    except SetupError as error:
        raise SetupError(
            f"apt knows no {source}, which is Debian's name for its stock kernel: "
            "add a Debian suite to apt's sources, on a machine with an x86-64 processor"
        ) from error
    for line in listing.splitlines():
        relation, _, name = line.strip().partition(": ")
        if relation == "Depends" and name.startswith("linux-image-"):
            return name
    raise SetupError(f"{source} depends on no linux-image package on this system")


def _version(package: str) -> str:
    """The version that `apt-get download` would fetch."""
    for line in run_tool("apt-cache", "show", "--no-all-versions", package).splitlines():
        key, _, value = line.partition(": ")
        if key == "Version":
            return value
    raise SetupError(f"apt-cache show {package} names no version")


def _unpack(wanted: str, scratch: Path) -> Path:
    """Download and unpack one `package=version` below `scratch`, and make it quick to boot."""
    # apt's own download user may not enter the repository; our own rights are enough.
    run_tool("apt-get", "-o", "APT::Sandbox::User=root", "download", wanted, cwd=scratch)
    (archive,) = scratch.glob("*.deb")
    tree = scratch / "tree"
    run_tool("dpkg-deb", "-x", archive, tree)
    kernel = _open_tree(tree)
    run_tool("depmod", "-b", kernel.module_root, kernel.release)
    unpack_image(kernel.image, tree / _UNPACKED)
    return tree


def _publish(tree: Path, target: Path) -> Path:
    """Give a complete tree its final name; another process that came first is as good."""
    try:
        return tree.rename(target)
    except OSError:
        if not (target / _ORIGIN_FILE).is_file():
            shutil.rmtree(target)
            return tree.rename(target)
        return target


def _open_tree(tree: Path) -> Kernel:
    """Find image and modules in an unpacked tree, wherever the distribution puts them."""
    images = sorted([*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")])
    folders = sorted([*tree.glob("lib/modules/*"), *tree.glob("usr/lib/modules/*")])
    if len(images) != 1 or len(folders) != 1:
        raise SetupError(f"{tree} does not hold one kernel with modules; remove it and try again")
    unpacked = tree / _UNPACKED
    image = unpacked if unpacked.is_file() else images[0]
    return Kernel(release=folders[0].name, image=image, modules=folders[0])
