"""The guest's first file system: busybox, one script, and the modules that reach the real root."""

import hashlib
import lzma
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.vm.errors import SetupError
from scripts.vm.kernel import Kernel
from scripts.vm.tools import CACHE, find_tool, run_tool

INITRAMFS = CACHE / "initramfs"
INIT = Path(__file__).parent / "guest" / "initramfs-init"

# What stands between a bare kernel and a root over 9p with an overlay. Names that are built into a
# kernel cost nothing here.
ROOT_MODULES = ("9p", "9pnet_virtio", "virtio_pci", "overlay")


def initramfs_for(kernel: Kernel) -> Path:
    """Return a kernel's initramfs, building it only when its inputs have changed."""
    image = INITRAMFS / f"{kernel.release}-{_fingerprint(kernel)}.cpio"
    if not image.is_file():
        _build(kernel, image)
        _remove_older(kernel, image)
    return image


def _fingerprint(kernel: Kernel) -> str:
    """A name for everything that goes into the image.

    The modules are named by the kernel's image: both came out of one package.
    """
    digest = hashlib.sha256(INIT.read_bytes())
    digest.update(repr(ROOT_MODULES).encode())
    for path in (kernel.image, Path(find_tool("busybox"))):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def _build(kernel: Kernel, image: Path) -> None:
    INITRAMFS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=INITRAMFS) as scratch:
        tree = Path(scratch, "tree")
        _fill(tree, kernel)
        archive = Path(scratch, "image")
        _pack(tree, archive)
        archive.rename(image)


def _fill(tree: Path, kernel: Kernel) -> None:
    (tree / "bin").mkdir(parents=True)
    shutil.copy(find_tool("busybox"), tree / "bin" / "busybox")
    shutil.copy(INIT, tree / "init")
    (tree / "init").chmod(0o755)
    (tree / "modules").mkdir()
    names = [_copy_module(path, tree / "modules") for path in modules_in_order(kernel)]
    (tree / "modules" / "order").write_text("".join(f"{name}\n" for name in names))


def modules_in_order(kernel: Kernel) -> list[Path]:
    """Every module file that ROOT_MODULES need, each once, dependencies first."""
    found: dict[Path, None] = {}
    for name in ROOT_MODULES:
        plan = run_tool(
            "modprobe", "-d", kernel.module_root, "-S", kernel.release, "--show-depends", name
        )
        found.update(dict.fromkeys(_insmod_lines(plan)))
    return list(found)


def _insmod_lines(plan: str) -> Iterator[Path]:
    """The files of modprobe's plan; its other lines are about what is built in."""
    for line in plan.splitlines():
        verb, _, rest = line.partition(" ")
        if verb == "insmod":
            yield Path(rest.strip())


def _copy_module(source: Path, folder: Path) -> str:
    """Copy one module, unpacked: busybox reads no compressed ones. Returns its file name."""
    content = source.read_bytes()
    if source.suffix == ".xz":
        content = lzma.decompress(content)
    elif source.suffix != ".ko":
        raise SetupError(f"{source.name}: only .ko and .ko.xz modules can be put into an initramfs")
    name = source.name.removesuffix(".xz")
    (folder / name).write_bytes(content)
    return name


def _pack(tree: Path, archive: Path) -> None:
    """Write the archive uncompressed: an emulated processor unpacks slower than a disk reads."""
    members = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    run_tool(
        "cpio",
        *("--create", "--quiet", "--format=newc", "--owner=0:0", "--file", archive),
        cwd=tree,
        stdin="".join(f"{member}{os.linesep}" for member in members),
    )


def _remove_older(kernel: Kernel, image: Path) -> None:
    for path in INITRAMFS.glob(f"{kernel.release}-*.cpio"):
        if path != image:
            path.unlink(missing_ok=True)
