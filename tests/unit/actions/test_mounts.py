"""mountinfo, as the kernel writes it: which shares there are, and by which path each is asked."""

import pytest

from aod.actions.mounts import LOGON, Table, Target, targets
from aod.actions.result import Mount

MOUNTINFO = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
35 22 0:31 / /mnt/share rw,relatime shared:14 - cifs //127.0.0.1/share rw,vers=3.1.1,username=me
36 22 0:32 / /mnt/with\040space rw shared:1 master:2 - smb3 //srv/a\040b rw,password=hunter2
37 22 0:31 /sub /srv/bind rw,relatime - cifs //127.0.0.1/share rw,vers=3.1.1,username=me
38 22 0:33 / /mnt/other rw - fuse.sshfs cifs rw
broken line
39 22 0:34 / /mnt/short rw - cifs
"""
HOST = """\
22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:25 / /tmp rw shared:5 - tmpfs tmpfs rw
41 30 0:40 / /tmp/share rw shared:9 - cifs //nas7/data rw,vers=3.1.1
"""
SERVICE = """\
122 101 254:0 / / ro master:1 - ext4 /dev/vda rw
130 122 0:25 / /tmp rw master:5 - tmpfs tmpfs rw
131 130 0:25 /systemd-private-x/tmp /tmp rw - tmpfs tmpfs rw
141 130 0:40 / /tmp/share rw master:9 - cifs //nas7/data rw,vers=3.1.1
"""
"""With PrivateTmp=true; the host's mount has reached it below what lies over /tmp."""
STACKED = """\
22 1 254:0 / / rw - ext4 /dev/vda rw
36 22 0:55 / /mnt/a rw - cifs //nas7/old rw
37 36 0:56 / /mnt/a rw - cifs //nas8/new rw
"""


def found(mountinfo: str, host: str = "") -> tuple[Target, ...]:
    return targets(Table(mountinfo), Table(host))


def paths(mountinfo: str, host: str = "") -> list[tuple[str, str]]:
    """Where each is asked, and why it is not."""
    return [(target.path, target.why_not) for target in found(mountinfo, host)]


def test_each_cifs_file_system_once_with_its_first_mount_point() -> None:
    assert [target.mount for target in found(MOUNTINFO)] == [
        Mount("//127.0.0.1/share", "/mnt/share", "cifs", "rw,vers=3.1.1,username=me"),
        Mount("//srv/a b", "/mnt/with space", "smb3", "rw,password=***"),
    ]
    assert paths(MOUNTINFO) == [("/mnt/share", ""), ("/mnt/with space", "")]


def test_a_source_that_the_kernel_did_not_escape() -> None:
    r"""cifs_show_devname of Linux 5.12 left blanks as they were: the options are the last field."""
    raw = "40 22 0:35 / /mnt/q\\040x rw shared:1 - cifs //srv/My - Secret, Share\x85 rw,vers=3.1.1"
    [target] = found(f"{raw}\n")
    assert target.mount == Mount(
        "//srv/My - Secret, Share\x85", "/mnt/q x", "cifs", "rw,vers=3.1.1"
    )


def test_no_cifs_no_mounts() -> None:
    assert found("") == ()
    assert found("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw") == ()


def test_of_two_mounts_on_one_folder_the_hidden_one_is_marked_and_not_asked() -> None:
    hidden, visible = found(STACKED, STACKED)
    assert hidden.mount.note == "hidden by another mount: //nas8/new on /mnt/a"
    assert hidden.why_not == "not asked (hidden by another mount): //nas8/new on /mnt/a"
    assert (visible.mount.note, visible.why_not, visible.path) == ("", "", "/mnt/a")
    assert found(STACKED)[0] == hidden  # also where the host's mounts are not for us


def test_a_hidden_mount_that_is_bound_elsewhere_is_asked_there() -> None:
    bound = STACKED + "38 22 0:55 / /srv/old rw - cifs //nas7/old rw\n"
    assert paths(bound) == [("/srv/old", ""), ("/mnt/a", "")]


def test_below_what_is_mounted_later_on_a_folder_above() -> None:
    table = STACKED.replace("/mnt/a rw - cifs //nas8/new", "/mnt rw - tmpfs tmpfs")
    covered = table.replace("37 36 ", "37 22 ")
    [(_, why)] = paths(covered, covered)
    assert why == "not asked (hidden by another mount): tmpfs on /mnt"


def test_a_mount_below_a_mount_is_no_hidden_one() -> None:
    nested = """\
22 1 254:0 / / rw - ext4 /dev/vda rw
36 22 0:55 / /mnt rw - tmpfs tmpfs rw
37 36 0:56 / /mnt/a rw - cifs //nas7/a rw
38 37 0:57 / /mnt/a/b rw - cifs //nas7/b rw
"""
    assert paths(nested) == [("/mnt/a", ""), ("/mnt/a/b", "")]


def test_what_the_services_own_tmp_hides_is_asked_through_the_hosts_root() -> None:
    assert Table(SERVICE).hides_some
    [target] = found(SERVICE, HOST)
    assert (target.path, target.why_not) == ("/proc/1/root/tmp/share", "")
    assert (target.mount.mount_point, target.mount.note) == ("/tmp/share", "")


def test_without_the_right_to_go_there_it_is_not_visible() -> None:
    [target] = found(SERVICE)
    assert target.mount.note == "not visible to the service: it has its own /tmp"
    assert target.why_not == "not asked (not visible to the service): it has its own /tmp"


def test_where_nothing_is_hidden_the_host_is_not_looked_at() -> None:
    assert not Table(MOUNTINFO).hides_some
    assert not Table(HOST).hides_some


@pytest.mark.parametrize("mountinfo", [SERVICE.splitlines()[-1], STACKED.partition("\n")[2]])
def test_a_root_that_is_not_shown_hides_nothing(mountinfo: str) -> None:
    """The root of a process may be a mere folder (chroot)."""
    assert found(mountinfo)[-1].why_not == ""


@pytest.mark.parametrize("broken", ["30 22 0:25 / /tmp rw", "30 22 0:25 / /tmp rw - tmpfs"])
def test_a_line_without_its_file_system_is_still_what_others_are_mounted_on(broken: str) -> None:
    table = HOST.replace("30 22 0:25 / /tmp rw shared:5 - tmpfs tmpfs rw", broken)
    assert paths(table) == [("/tmp/share", "")]


@pytest.mark.parametrize(
    ("options", "caveat"),
    [
        ("vers=3.1.1,uid=1000", ""),
        ("username=multiuser,sec=ntlmssp", ""),
        ("sec=krb5,cruid=1000", LOGON),
        ("sec=krb5i", LOGON),
        ("sec=krb5p,multiuser", LOGON),
        ("multiuser,sec=ntlmssp,uid=0", LOGON),
    ],
)
def test_a_mount_whose_logon_may_expire_is_asked_with_a_caveat(options: str, caveat: str) -> None:
    [target] = found(HOST.replace("vers=3.1.1", options))
    assert (target.why_not, target.caveat) == ("", caveat)


@pytest.mark.parametrize("source", ["//NAS7.example.com/a", r"\134\134nas7.example.com\134a/b"])
def test_the_server_is_the_first_part_of_the_source(source: str) -> None:
    [target] = found(HOST.replace("//nas7/data", source))
    assert target.server == "nas7.example.com"
