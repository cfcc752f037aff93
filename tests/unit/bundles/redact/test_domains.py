r"""`DOMAIN\user`, `user@domain`, and the hosts of a domain."""

import pytest

from aod.bundles.redact.domains import Account, Domains, accounts
from aod.bundles.redact.kinds import Kind


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rb"is corp\jdoe ", [(rb"corp\jdoe", b"corp")]),
        (rb"is corp\\jdoe, ", [(rb"corp\\jdoe", b"corp")]),
        (rb"is corp\134jdoe, ", [(rb"corp\134jdoe", b"corp")]),
        (rb"is corp%5cjdoe, ", [(rb"corp%5cjdoe", b"corp")]),
        (b"to j.doe@corp.example: ", [(b"j.doe@corp.example", b"corp.example")]),
        (b"cifs/srv@corp", [(b"cifs/srv@corp", b"corp")]),
        (rb"\\corp\jdoe a\b\c /x\y", []),
    ],
)
def test_what_may_be_an_account(text: bytes, found: list[tuple[bytes, bytes]]) -> None:
    assert [(one.text, one.domain) for one in accounts(text)] == found


def test_a_principal_of_a_service_is_one_whatever_its_realm() -> None:
    assert Account(0, 1, b"cifs/srv@corp", b"corp").is_principal()
    assert not Account(0, 1, b"getty/x@tty1", b"tty1").is_principal()


def test_domains_below_a_known_one_and_hosts_are_known() -> None:
    domains = Domains([b"corp.example"], [b"nas7"])
    assert [
        domains.has(name) for name in (b"corp.example", b"lab.corp.example", b"nas7", b"example")
    ] == [True, True, True, False]
    assert Domains([b"lab.corp.example"]).has(b"corp.example")  # the suffix of its accounts
    assert domains.is_netbios_name(b"corp")
    assert not domains.is_netbios_name(b"example")


def test_hosts_and_accounts_of_a_text() -> None:
    text = b"from dc7.lab.corp.example. jdoe@corp.example, x@other.example, corp.example"
    found = [(one.kind, one.text) for one in Domains([b"corp.example"]).find(text)]
    assert found == [
        (Kind.HOSTS, b"dc7.lab.corp.example"),
        (Kind.USERS, b"jdoe@corp.example"),
    ]
    assert list(Domains([]).find(text)) == []
