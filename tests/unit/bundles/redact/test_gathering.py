"""What a host tells about names by itself."""

import socket
from pathlib import Path

from aod.bundles.redact.gathering import known_here
from aod.bundles.redact.kinds import Kind


def test_names_of_etc(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("127.0.1.1 me.example.com me # not this\n\n")
    (tmp_path / "etc/resolv.conf").write_text("search corp.example.com lan\nnameserver 10.0.0.1\n")
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\njdoe:x:1000:1000:Jane Doe,,,:/home/jdoe:/bin/sh\nhalf\n"
        "nobody:x:65534:65534::/:\n"
    )
    (tmp_path / "etc/krb5.conf").write_text(
        "[libdefaults]\n  default_realm = LAB.EXAMPLE\n#  default_realm = NO.EXAMPLE\n"
    )
    (tmp_path / "etc/samba").mkdir()
    (tmp_path / "etc/samba/smb.conf").write_text(
        "[global]\n  workgroup = LABX\n  Realm=lab.example\n; realm = no\n  NetBIOS name = ME9\n"
    )
    assert list(known_here(tmp_path)) == [
        (Kind.HOSTS, socket.gethostname().encode()),
        (Kind.HOSTS, b"me.example.com"),
        (Kind.HOSTS, b"me"),
        (Kind.DOMAINS, b"corp.example.com"),
        (Kind.USERS, b"jdoe"),
        (Kind.USERS, b"Jane Doe"),
        (Kind.DOMAINS, b"LAB.EXAMPLE"),
        (Kind.DOMAINS, b"LABX"),
        (Kind.DOMAINS, b"lab.example"),
        (Kind.HOSTS, b"ME9"),
    ]


def test_a_host_without_etc_knows_its_name(tmp_path: Path) -> None:
    assert list(known_here(tmp_path)) == [(Kind.HOSTS, socket.gethostname().encode())]
