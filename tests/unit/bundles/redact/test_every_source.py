r"""Names of every kind, told in one place, written in every spelling in every source: none is left.

The tables are what the sources really write. `TOLD`: the places that tell a name, one of which is
drawn for each kind. `WRITTEN`: how the same name is spelled wherever else it occurs. `SOURCES`: the
files of a bundle that hold text."""

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.actions import table
from aod.bundles.redact.gathering import Gathering
from aod.bundles.redact.kinds import Kind

AT: Final = "2026-11-22T20:48:17.123456+0100 zhost9 "
SOURCES: Final = tuple(row.file for row in table.ACTIONS if not row.binary)
LOGS: Final = frozenset({"journalctl.log", "syslogs.log"})


def octal(text: str, of: str = " \t\n\\#,=") -> str:
    """As the kernel's seq_escape writes it."""
    return "".join(f"\\{ord(one):03o}" if one in of else one for one in text)


def octal_bytes(text: str) -> str:
    return "".join(chr(one) if 32 < one < 127 else f"\\{one:03o}" for one in text.encode())


def hex_bytes(text: str) -> str:
    return "".join(chr(one) if 32 < one < 127 else f"\\x{one:02x}" for one in text.encode())


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def audit(text: str) -> str:
    return f"audit[7]: PROCTITLE proctitle={text.encode().hex().upper()}"


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def unit(path: str) -> str:
    escaped = re.sub(rb"[^a-zA-Z0-9:_./]", lambda one: b"\\x%02x" % one[0][0], path[1:].encode())
    return escaped.decode().replace("/", "-")


WRITTEN: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "capitals": str.upper,
    "small": str.lower,
    "decomposed": nfd,
    "decomposed capitals": lambda name: nfd(name).upper(),
    "mount table": octal,
    "octal": octal_bytes,
    "octal capitals": lambda name: octal_bytes(name.upper()),
    "C": hex_bytes,
    "URL": quote,
    "URL, capitals": lambda name: quote(name.upper()),
    "URL with slashes kept": lambda name: quote(name, safe="/$&+,:;=?@ "),
    "JSON": in_json,
    "JSON, capitals": lambda name: in_json(name.upper()),
    "JSON of a mount table": lambda name: in_json(octal(name)),
    "JSON in JSON": lambda name: in_json(in_json(name.upper())),
    "UNC": lambda name: f"\\\\{name}\\x",
    "UNC in JSON": lambda name: f"\\\\\\\\{name}\\\\x",
    "UNC with slashes": lambda name: f"//{name}/x",
    "behind an escape": lambda name: f"x\\n{name}\\n",
    "in angles": lambda name: f"<{name}>",
    "in quotes": lambda name: f"x='{name}'",
    "in brackets": lambda name: f"[{name}]",
    "assigned": lambda name: f"--what={name};",
    "audit": audit,
    "an argument of audit": lambda name: audit(f"mount\0-o\0what={name}\0x"),
}

TOLD: Final[dict[str, tuple[tuple[str, str, Callable[[str], str]], ...]]] = {
    "user": (
        ("mounts.log", "//10.9.9.9/s /m cifs rw,username={},x 0 0", octal),
        ("mounts.log", r"//10.9.9.9/s /m cifs rw,username=ZD\134{} 0 0", octal),
        ("journalctl.log", AT + "cifs.upcall[7]: key description: cifs.spnego;0;0;39010000;ver=0x2;"
         "host=zsrv;ip4=10.1.1.1;sec=krb5;uid=0x0;creduid=0x3e8;user={};pid=0x4d2", str),
        ("journalctl.log", AT + "x[7]: principal {}@ZREALM.EXAMPLE", str),
        ("journalctl.log", AT + "sshd[7]: Accepted password for {} from 10.1.1.1 port 5 ssh2", str),
        ("journalctl.log", AT + "sshd[7]: Invalid user {} from 10.1.1.1 port 5", str),
        ("journalctl.log", AT + "smbd[7]: Auth: user [ZD]\\[{}] at [Sun]", str),
        ("journalctl.log", AT + "CRON[7]: ({}) CMD (x)", str),
        ("journalctl.log", AT + "audit[7]: x acct={}", lambda name: name.encode().hex().upper()),
        ("journalctl.log", AT + "sudo[7]:     {} : TTY=pts/0 ; PWD=/ ; USER=root", str),
        ("journalctl.log", AT + "smbd[7]: z connect to service zs initially as user {} (", str),
        ("journalctl.log", AT + "passwd[7]: pam_unix(x): password changed for {}", str),
        ("journalctl.log", AT + "x[7]: smbclient //zsrv/x -U {}%***", str),
        ("journalctl.log", AT + "x[7]: mount -o user={}%***,uid=0 //zsrv/x", str),
        ("journalctl.log", AT + "x[7]: mount -o user=ZD/{}%***,uid=0 //zsrv/x", str),
        ("journalctl.log", AT + "rpc.gssd[7]: Success getting keytab entry for '{}@ZREALM.EXAMPLE'",
         str),
        ("journalctl.log", AT + "krb5_child[7]: Preauthentication failed for {}@ZREALM.EXAMPLE",
         str),
        ("syslogs.log", "Nov 22 15:25:41 zhost9 su[7]: (to root) {} on pts/0", str),
        ("syslogs.log", 'Nov 22 15:25:41 zhost9 a: {{"user": "ZD\\\\{}"}}', in_json),
        ("system.log", "ls /home/{}/x", str),
    ),
    "domain": (
        ("mounts.log", "//10.9.9.9/s /m cifs rw,domain={},x 0 0", octal),
        ("mounts.log", r"//10.9.9.9/s /m cifs rw,username={}\134zuser 0 0", octal),
        ("debugdata.log", "\t\tDomain: {}", str),
        ("journalctl.log", AT + "x[7]: principal zuser@{}", str),
        ("journalctl.log", AT + "x[7]: krbtgt/{}@ZREALM.EXAMPLE", str),
        ("journalctl.log", AT + "smbd[7]: Auth: user [{}]\\[zuser] at [Sun]", str),
        ("journalctl.log", AT + "sssd_be[be[{}]][7]: Backend is offline", str),
        ("journalctl.log", AT + "adcli[7]: Joined domain {}", str),
        ("journalctl.log", AT + "x[7]: mount -o user={}/zuser%***,uid=0 //zsrv/x", str),
        ("dmesg.log", "[1] x: \\\\zsrv.{}.example\\s no", lambda name: f"a.{name}"),
    ),
    "host": (
        ("debugdata.log", "1) ConnectionId: 0x1 Hostname: {} ", str),
        ("debugdata.log", "Id: 1 Refs: 1 Network name: '{}'(y) Share name: 's'(n)", str),
        ("mounts.log", "//{}/s /m cifs rw,vers=3 0 0", str),
        ("mounts.log", r"//10.9.9.9/s /m cifs rw,unc=\134\134{}\134s 0 0", str),
        ("stats.log", "  3 slow responses from {} for command 5", str),
        ("dmesg.log", "[1] CIFS: VFS: \\\\{} has not responded in 180 seconds", str),
        ("dmesg.log", "[1] CIFS: Attempting to mount //{}/s", str),
        ("cifs.log", "\t\\{}\\zshare (target hint)", str),
        ("journalctl.log", AT + "cifs.upcall[7]: getting service ticket for {}", str),
        ("journalctl.log", AT + "cifs.upcall[7]: x;ver=0x2;host={};ip4=10.1.1.1", str),
        ("journalctl.log", AT + "k: dns_resolver;0;0;3f010000;{}", str),
        ("journalctl.log", AT + "x[7]: cifs/{}@ZREALM.EXAMPLE", str.upper),
        ("journalctl.log", AT + "mount[7]: Unable to find suitable address for {}.", str),
        ("journalctl.log", AT + "systemd-hostnamed[7]: Hostname set to <{}> (static)", str),
        ("journalctl.log", AT + "nmbd[7]: Samba name server {} is now a local master browser", str),
        ("journalctl.log", AT + "sshd[7]: reverse mapping checking getaddrinfo for {} [10.1.1.1]",
         str),
        ("journalctl.log", AT + "smbd[7]: Auth: workstation [{}] x", str),
        ("trace.log", "smb3_reconnect: conn_id=0x1 server={} current_mid=5", str),
    ),
    "share": (
        ("debugdata.log", "1) \\\\zsrv\\{} Mounts: 1 DevInfo: 0x20", str),
        ("mounts.log", "//zsrv/{} /m cifs rw,vers=3 0 0", str),
        ("mounts.log", "//zsrv/{} /m cifs rw,vers=3 0 0", octal),
        ("dmesg.log", "[1] CIFS: Attempting to mount //zsrv/{}", str),
        ("dmesg.log", "[1] CIFS: VFS: BAD_NETWORK_NAME: \\\\zsrv\\{}", str),
        ("journalctl.log", AT + "kernel: CIFS: Attempting to mount \\\\zsrv\\{}", str),
        ("journalctl.log", AT + 'k[1]: mount "//zsrv/{}" on "/m"', str),
        ("trace.log", "smb3_tcon: xid=1 sid=0x1 tid=0x1 unc_name=\\\\zsrv\\{} rc=0", str),
        ("cifs.log", "cache entry: path=\\zdom\\{},type=link,ttl=300,etime=1", str),
        ("cifs.log", "\t\\zsrv\\{}", str),
    ),
    "file": (
        ("cifs.log", "0x1 0x2 0x3 0x8000 1 42 1000 {}", str),
        ("trace.log", "smb3_open_enter: xid=1 path=\\zdir\\{}", str),
        ("debugdata.log", "DFS leaf full path: \\zdom\\zroot\\{}", str),
        ("mounts.log", "//zsrv/zs/{} /m cifs rw,vers=3 0 0", octal),
        ("mounts.log", "//zsrv/zs /m cifs rw,prefixpath=zdir/{},x 0 0", octal),
    ),
}  # fmt: skip

WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8).map("qx{}zq".format)
LETTERS = st.text("abcdefgÄäéßжЖñ", min_size=2, max_size=8).map("qx{}zq".format)
LONG = st.lists(LETTERS, min_size=1, max_size=3)
NAMES = st.fixed_dictionaries({
    "user": LETTERS,
    "domain": WORD,
    "host": WORD.map("qh{}".format),
    "share": LONG.map(" ".join),
    "file": st.tuples(LONG, st.sampled_from([" ", ", ", "-2026 "])).map(
        lambda made: made[1].join(made[0]) + ".docx"
    ),
})  # fmt: skip
PLACES = st.fixed_dictionaries({kind: st.sampled_from(told) for kind, told in TOLD.items()})
MOUNTS = LONG.map(lambda parts: "/mnt/" + "/".join(parts) + "-x y")
ADDRESSES: Final = {
    "10.77.8.9": "10.77.8.9:445, [10.77.8.9] ::ffff:10.77.8.9 addr=10.77.8.9,",
    "aa:1": "fe80::aa:1%eth0 [fe80::aa:1]:445",
    "ab-cd-ef": "00:50:56:ab:cd:ef 00-50-56-AB-CD-EF",
    "ab:cd:ef": "00:50:56:ab:cd:ef",
    "2222222222": "S-1-5-21-1111111111-2222222222-3333333333-1104 os:S-1-5-21-1-2222222222-3",
}


def bundle(names: dict[str, str], places: dict[str, tuple[str, str, Callable[[str], str]]],
           point: str) -> dict[str, str]:  # fmt: skip
    """The text files of a bundle."""
    everywhere = [spell(name) for name in names.values() for spell in WRITTEN.values()]
    user, domain = names["user"], names["domain"]
    everywhere += [f"{domain}{way}{user} x" for way in ("\\", "\\\\", "\\134", "%5C")]
    everywhere += [f"{user}@{domain} x", f"{domain.upper()}\\{user.upper()}", f"{names['host']}$"]
    everywhere += [f"{unit(point)}.mount: x", f"cp: {point}/qxfile: no", f"'{octal(point)}/a'"]
    everywhere += ADDRESSES.values()
    made = {file: "\n".join(everywhere) + "\n" for file in SOURCES}
    for kind, (file, form, spell) in places.items():
        made[file] += form.format(spell(names[kind])) + "\n"
    return made


def left(text: str) -> set[str]:
    """The text as a reader may decode it."""
    raw = text.encode()
    digits = re.compile(rb"\b(?:[0-9A-F]{2}){4,}\b")
    decoded = {
        raw,
        unquote_to_bytes(raw),
        re.sub(rb"\\+([0-3][0-7]{2})", lambda one: bytes([int(one[1], 8)]), raw),
        re.sub(rb"\\+x([0-9a-f]{2})", lambda one: bytes.fromhex(one[1].decode()), raw),
        re.sub(rb"\\+u([0-9a-f]{4})", lambda one: chr(int(one[1], 16)).encode(), raw),
        digits.sub(lambda one: bytes.fromhex(one[0].decode()), raw),
    }
    return {folded(one.decode(errors="replace")) for one in decoded}


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


@settings(deadline=None, max_examples=20)
@given(names=NAMES, places=PLACES, point=MOUNTS)
def test_no_name_is_left_in_any_spelling_in_any_source(
    names: dict[str, str], places: dict[str, tuple[str, str, Callable[[str], str]]], point: str
) -> None:
    files = bundle(names, places, point)
    gathering = Gathering()
    gathering.add(Kind.MOUNTS, point.encode())
    for file, text in files.items():
        gathering.look_at(text.encode(), file)
    redactor = gathering.redactor()
    wanted = {folded(one) for one in (*names.values(), point, unit(point))} | set(ADDRESSES)
    for file, text in files.items():
        told = redactor.text(text.encode(), file).decode()
        for read in left(told):
            assert [name for name in wanted if name in read] == [], (file, told)


SIMPLE: Final = {kind: f"qx{kind}zq" for kind in TOLD}
PART_OF_NAME: Final = ("domain", "dmesg.log")
"""A label within a domain's name is nothing by itself."""


@pytest.mark.parametrize(
    ("name", "file", "form", "spell"),
    [
        (SIMPLE[kind], *place)
        for kind, places in TOLD.items()
        for place in places
        if (kind, place[0]) != PART_OF_NAME
    ],
)
def test_each_place_tells_its_name_by_itself(
    name: str, file: str, form: str, spell: Callable[[str], str]
) -> None:
    files = {file: form.format(spell(name)), "uname.log": f"x {name} x"}
    gathering = Gathering()
    for one, text in files.items():
        gathering.look_at(text.encode(), one)
    redactor = gathering.redactor()
    told = {one: redactor.text(text.encode(), one).decode() for one, text in files.items()}
    assert [text for text in told.values() if name in text.lower()] == []


def test_every_source_tells_or_is_written_to() -> None:
    """Neither table names a file that no action makes."""
    told = {file for places in TOLD.values() for file, _, _ in places}
    assert told <= set(SOURCES)
    assert told >= LOGS
