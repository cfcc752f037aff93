"""Replacing names in text: consistent, repeatable, and none survives in any spelling."""

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.redact.gathering import Gathering
from aod.bundles.redact.kinds import Kind, Pseudonyms
from aod.bundles.redact.text import MAX_BYTES, strong
from scripts.vm.tools import REPO

LETTERS = "abcdefghijklmnopqrstuvwxyz"
# No ordinary words, and nothing that one of the forms around them consists of.
NAMES = st.text(LETTERS, min_size=4, max_size=12).map(lambda text: f"qx{text}zq")
FILES = st.lists(NAMES, min_size=1, max_size=3).map(lambda words: " ".join(words) + ".docx")
BYTE = st.integers(1, 254)


def redact(text: bytes, *known: tuple[Kind, str], file: str = "x.log") -> bytes:
    gathering = Gathering()
    for kind, name in known:
        gathering.add(kind, name.encode())
    gathering.look_at(text, file)
    return gathering.redactor().text(text, file)


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        (rb"1) \\fs01\My Share Mounts: 1 DevInfo", rb"1) \\host-1\share-1 Mounts: 1 DevInfo"),
        (b"//fs01/data1 /mnt cifs rw", b"//host-1/share-1 /mount-1 cifs rw"),
        (b"rw,username=jdoe,domain=ACME,uid=7", b"rw,username=user-1,domain=domain-1,uid=7"),
        (b"2) ConnectionId: 0x1 Hostname: fs01", b"2) ConnectionId: 0x1 Hostname: host-1"),
        (b"session opened for user jdoe(uid=1000)", b"session opened for user user-1(uid=1000)"),
        (b"user=ACME\\jdoe", b"user=domain-1\\user-1"),
        (b"addr 10.1.2.3:445, v1.2.3.4", b"addr 198.18.0.1:445, v1.2.3.4"),
        (b"[fe80::1]:445 and ::1 at 12:34:56", b"[2001:db8::1]:445 and ::1 at 12:34:56"),
        (b"::ffff:10.1.2.3", b"2001:db8::1"),
        (b"link/ether 00:11:22:aa:bb:cc", b"link/ether 02:00:00:00:00:01"),
        (b"127.0.0.1 0.0.0.0 root@localhost", b"127.0.0.1 0.0.0.0 root@localhost"),
        (
            b"0x1 0x2 0x3 0x8000 1 42 1000 my report.txt 77",
            b"0x1 0x2 0x3 0x8000 1 42 1000 file-1 77",
        ),
        (b"ls: /home/jdoe/x: error", b"ls: /home/user-1/x: error"),
        (rb"\\fs01\data1\dir\a.txt", rb"\\host-1\share-1\file-1\file-2"),
        (rb"\\\\fs01\\data1", rb"\\\\host-1\\share-1"),
        (rb"\\fs01\IPC$", rb"\\host-1\IPC$"),
        (b"https://docs.kernel.org/x std::string", b"https://docs.kernel.org/x std::string"),
    ],
)
def test_a_place_tells_what_a_name_is(line: bytes, redacted: bytes) -> None:
    assert redact(line) == redacted


def test_a_name_is_replaced_wherever_else_it_stands() -> None:
    text = rb"""Hostname: fs01.corp.example.com
username=jdoe
FS01 said: JDoe's file; \040fs01 \njdoe dc7.corp.example.com"""
    told = redact(text).splitlines()[2]
    assert told == rb"host-1 said: user-1's file; \040host-1 \nuser-1 host-2"


def test_ordinary_words_are_replaced_only_where_their_place_tells() -> None:
    text = rb"username=test a test of \\server\data, the server has data"
    assert redact(text) == rb"username=user-1 a test of \\host-1\share-1, the server has data"


def test_what_is_too_long_for_a_name_is_replaced_only_in_its_place() -> None:
    """The tree of names would need a hundred bytes for each of its letters."""
    longest, longer = b"a" * MAX_BYTES, b"b" * (MAX_BYTES + 1)
    assert strong({longest: Kind.USERS, longer: Kind.USERS}) == {longest: Kind.USERS}
    assert redact(b"user=%b, and %b" % (longer, longer)) == b"user=user-1, and " + longer


def test_what_is_a_pseudonym_already_is_given_to_nobody_else() -> None:
    told = redact(b"username=jdoe on host-1, user-1 from 198.18.0.1 and 10.0.0.1")
    assert told == b"username=user-2 on host-1, user-1 from 198.18.0.1 and 198.18.0.2"


def test_below_a_mount_point_everything_is_a_file() -> None:
    text = rb"cp: /mnt/da\040ta/a/b.txt: x; '/mnt/da ta/c' /mnt/da tax /other/mnt/da ta/c"
    told = redact(text, (Kind.MOUNTS, "/mnt/da ta"))
    assert told == (
        rb"cp: /mount-1/file-1/file-2: x; '/mount-1/file-3' /mnt/da tax /other/mnt/da ta/c"
    )


def test_a_path_by_the_hosts_root_is_one_below_a_mount_point() -> None:
    """As smbinfo is asked where the service does not see a mount."""
    text = b"==> smbinfo x /proc/1/root/tmp/hr <==\n/proc/1/root/tmp/hr/a /proc/1/roots/tmp/hr"
    told = redact(text, (Kind.MOUNTS, "/tmp/hr"))
    assert told == (
        b"==> smbinfo x /proc/1/root/mount-1 <==\n/proc/1/root/mount-1/file-1 /proc/1/roots/tmp/hr"
    )


def spelled(name: str) -> list[str]:
    """A name as logs may have it."""
    return [
        name,
        name.upper(),
        name.replace(" ", "\\040"),
        quote(name),
        json.dumps(name),
        json.dumps(name.replace(" ", "\\040")),
        f"\\\\\\\\{name}\\\\x",
        f"//{name}/x",
        f"x\\n{name}\\n",
        f"<{name}>_{name}",
        f"({name})",
    ]


@given(user=NAMES, domain=NAMES, host=NAMES, share=NAMES, file=FILES, ip=st.tuples(*[BYTE] * 3))
def test_no_name_survives_in_any_spelling(
    user: str, domain: str, host: str, share: str, file: str, ip: tuple[int, int, int]
) -> None:
    address = "10." + ".".join(map(str, ip))
    places = [
        f"//{host}.{domain}.example/{share} /mnt cifs rw,username={user},addr={address}",
        f"domain={domain}",
        f"0x1 0x2 0x3 0x8000 1 42 1000 {file}",
        *(one for name in (user, domain, host, share, file) for one in spelled(name)),
        f"{address}:445 [{address}]",
    ]
    told = redact("\n".join(places).encode()).decode().lower()
    assert address not in told
    for name in (user, domain, host, share, file, file.replace(" ", "\\040"), quote(file)):
        assert name not in told


PLACES = REPO / "tests" / "unit" / "data" / "planted"
LINES = sorted({line for path in PLACES.iterdir() for line in path.read_bytes().splitlines()})


@given(lines=st.lists(st.sampled_from(LINES), max_size=12))
def test_twice_is_the_same_as_once(lines: list[bytes]) -> None:
    once = redact(b"\n".join(lines), (Kind.MOUNTS, "/mnt/fin q3"))
    assert redact(once, (Kind.MOUNTS, "/mount-1")) == once


@given(text=st.lists(st.just(b"jdoe") | st.binary(max_size=20)).map(b"".join))
def test_a_name_survives_nowhere_among_hostile_bytes(text: bytes) -> None:
    told = redact(text, (Kind.USERS, "jdoe"), file="journalctl.log").lower()
    assert re.search(rb"(?<![a-z0-9])jdoe(?![a-z0-9])", told) is None


@given(names=st.lists(st.text(min_size=1, max_size=30), max_size=30))
def test_names_of_strangers_do_not_break_the_pattern(names: list[str]) -> None:
    known = [(kind, name) for name in names for kind in (Kind.USERS, Kind.FILES)]
    told = redact("\n".join([*names, "jdoe"]).encode(), *known, (Kind.USERS, "jdoe")).lower()
    assert re.search(rb"(?<![a-z0-9])jdoe(?![a-z0-9])", told) is None


def test_the_same_name_becomes_the_same_everywhere() -> None:
    gathering = Gathering()
    for text in (b"username=jdoe", rb"\\fs01\jdoe\jdoe"):
        gathering.look_at(text)
    redactor = gathering.redactor()
    assert redactor.text(rb"\\fs01\jdoe\jdoe") == rb"\\host-1\user-1\user-1"
    assert redactor.text(b"jdoe") == redactor.text(b"JDOE") == b"user-1"
    assert {one.kind: one.names for one in redactor.pseudonyms.replaced() if one.names} == {
        "hosts": 1,
        "users": 1,
    }


def test_a_group_s_mac_and_what_belongs_to_nobody_stay() -> None:
    pseudonyms = Pseudonyms()
    assert pseudonyms.mac(bytes.fromhex("01005e000001")).hex() == "01005e000001"
    assert pseudonyms.name(Kind.USERS, b"root") == b"root"
    assert pseudonyms.name(Kind.HOSTS, b"localhost") == b"localhost"


def test_a_long_user_name_in_ps() -> None:
    assert redact(b"longuse+ 1", (Kind.USERS, "longusername")) == b"user-1 1"
    assert redact(b"jdoe+ jdoe", (Kind.USERS, "jdoe")) == b"user-1+ user-1"
