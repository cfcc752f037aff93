"""mountinfo, as the kernel writes it."""

from aod.actions.result import Mount
from aod.actions.runner import mounted

MOUNTINFO = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
35 22 0:31 / /mnt/share rw,relatime shared:14 - cifs //127.0.0.1/share rw,vers=3.1.1,username=me
36 22 0:32 / /mnt/with\040space rw shared:1 master:2 - smb3 //srv/a\040b rw,password=hunter2
37 22 0:31 /sub /srv/bind rw,relatime - cifs //127.0.0.1/share rw,vers=3.1.1,username=me
38 22 0:33 / /mnt/other rw - fuse.sshfs cifs rw
broken line
39 22 0:34 / /mnt/short rw - cifs
"""


def test_each_cifs_file_system_once_with_its_first_mount_point() -> None:
    assert mounted(MOUNTINFO) == (
        Mount("//127.0.0.1/share", "/mnt/share", "cifs", "rw,vers=3.1.1,username=me"),
        Mount("//srv/a b", "/mnt/with space", "smb3", "rw,password=***"),
    )


def test_a_source_that_the_kernel_did_not_escape() -> None:
    r"""cifs_show_devname of Linux 5.12 left blanks as they were: the options are the last field."""
    raw = "40 22 0:35 / /mnt/q\\040x rw shared:1 - cifs //srv/My - Secret, Share\x85 rw,vers=3.1.1"
    assert mounted(f"{raw}\n") == (
        Mount("//srv/My - Secret, Share\x85", "/mnt/q x", "cifs", "rw,vers=3.1.1"),
    )


def test_no_cifs_no_mounts() -> None:
    assert mounted("") == ()
    assert mounted("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw") == ()
