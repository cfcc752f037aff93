"""A share that is mounted from another port: with the usual configuration, and with it named."""

from functools import partial
from pathlib import Path

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.workload import working

PORT = 4455
DELAY_MS = 40


def run(lab: Lab) -> Facts:
    """A bundle of each configuration; and how the kernel shows the mount."""
    with (
        lab.samba.configured({"smb ports": f"445 {PORT}"}),
        lab.mounted(f"{cifs.UNCACHED},port={PORT}") as folder,
    ):
        bundles = {}
        for name, ports in (("usual", ""), ("named", f"[445, {PORT}]")):
            config = lab.configuration(partial(_recording, ports), name)
            with lab.daemon(config=config, name=name) as daemon:
                daemon.wait_until_watching()
                known = set(daemon.bundles())
                with faults.slow_network(DELAY_MS), working(folder):
                    bundles[name] = daemon.wait_for_bundle(known).name
                lab.stop(daemon)
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        (mount,) = (line for line in mounts if " - cifs " in line)
    return {"bundles": bundles, "mount": mount}


def _recording(ports: str, text: str) -> str:
    text = replaced(text, "        - dmesg\n", "        - tcpdump\n        - dmesg\n")
    named = f"  tcpdump:\n    ports: {ports}\n" if ports else ""
    return f"{text}\ncapture:\n  post_sec: 1\n{named}"
