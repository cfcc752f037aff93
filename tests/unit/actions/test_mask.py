"""Secrets are masked wherever the pieces of a stream happen to be cut; the rest stays as it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.actions import mask as masking
from aod.actions.mask import LineMask, mask, mask_text

SECRET = b"hunter2"
LONG = b"hunter2hunter2hunter2"

MASKED = [
    # Mount options, fstab, credentials files.
    (b"rw,password=hunter2,uid=0", b"rw,password=***,uid=0"),
    (b"rw,pass=hunter2", b"rw,pass=***"),
    (b"password2=hunter2,vers=3.1.1", b"password2=***,vers=3.1.1"),
    (b"credentials=/etc/hunter2 0 0", b"credentials=*** 0 0"),
    (b"cred=hunter2,rw", b"cred=***,rw"),
    (b"password=hunter2,,more,rw", b"password=***,rw"),
    (b'password="hunter2 with, more" rw', b"password=*** rw"),
    (b"mount -o user=me,password = hunter2", b"mount -o user=me,password = ***"),
    (b"//s/x /mnt cifs user=me%hunter2,rw 0 0", b"//s/x /mnt cifs user=me%***,rw 0 0"),
    (b"username=me\npassword =  hunter2\n", b"username=me\npassword =  ***\n"),
    (b"password=\nUSER=me", b"password=\nUSER=me"),
    # Environments.
    (b"PASSWD=hunter2\nUSER=me", b"PASSWD=***\nUSER=me"),
    (b"FOO_PASSWORD=hunter2,a hunter2\nA=1", b"FOO_PASSWORD=***\nA=1"),
    (b"  export AWS_SECRET_ACCESS_KEY=hunter2/+", b"  export AWS_SECRET_ACCESS_KEY=***"),
    (b"a: env PGPASSWORD=hunter2,hunter2 psql", b"a: env PGPASSWORD=*** psql"),
    (b"x SSHPASS='hunter2 hunter2' ssh", b"x SSHPASS=*** ssh"),
    (b"AZURE_STORAGE_KEY=hunter2==", b"AZURE_STORAGE_KEY=***"),
    (b"access_token=hunter2 ok", b"access_token=*** ok"),
    (b"DbPassword=hunter2;x", b"DbPassword=***"),
    (b"AccountName=me;AccountKey=hunter2==", b"AccountName=me;AccountKey=***"),
    # Command lines.
    (b"prog --password hunter2 -v", b"prog --password *** -v"),
    (b"prog --password=hunter2,hunter2 -v", b"prog --password=*** -v"),
    (b"prog --client-secret 'hunter2 b' -v", b"prog --client-secret *** -v"),
    (b"az --account-key hunter2== list", b"az --account-key *** list"),
    (b"openssl rsa -passin pass:hunter2 -x", b"openssl rsa -passin *** -x"),
    (b"a\0--token\0hunter2\0b", b"a\0--token\0***\0b"),
    (b"smbclient -U me%hunter2 //s/x", b"smbclient -U me%*** //s/x"),
    (b"smbclient -UDOM\\me%hunter2 //s/x", b"smbclient -UDOM\\me%*** //s/x"),
    (b"smbclient --user=me%hunter2", b"smbclient --user=me%***"),
    (b"curl -s -u me:hunter2 https://h", b"curl -s -u me:*** https://h"),
    (b"sshpass -p hunter2 ssh h", b"sshpass -p *** ssh h"),
    (b"sshpass -phunter2 ssh h", b"sshpass -p*** ssh h"),
    (b"mysqldump -u me -phunter2 db", b"mysqldump -u me -p*** db"),
    # Links, headers, JSON.
    (b"//me:hunter2@host/share", b"//me:***@host/share"),
    (b"redis://:hunter2@host", b"redis://:***@host"),
    (b"https://me:hunter2@hunter2@h/", b"https://me:***@h/"),
    (b"https://h/s?sv=1&sig=" + LONG + b"&se=2", b"https://h/s?sv=1&sig=***&se=2"),
    (b"Authorization: Bearer hunter2", b"Authorization: Bearer ***"),
    (b"> authorization: Basic hunter2 hunter2", b"> authorization: Basic ***"),
    (b"-H 'Authorization: SharedKey me:hunter2' h", b"-H 'Authorization: SharedKey ***' h"),
    (b"X-Api-Key: hunter2", b"X-Api-Key: ***"),
    (b"Set-Cookie: id=hunter2; path=/", b"Set-Cookie: ***"),
    (b"got bearer " + LONG + b" ok", b"got bearer *** ok"),
    (b"got eyJhbGciOiJIUzI1.hunter2.hunter2 ok", b"got *** ok"),
    (b'{"password": "hunter2\\"hunter2", "a": 1}', b'{"password": ***, "a": 1}'),
    (b'{"clientSecret":"hunter2"}', b'{"clientSecret":***}'),
    (b"'api_key': 'hunter2'", b"'api_key': ***"),
    (b"the password: hunter2 is wrong", b"the password: *** is wrong"),
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_a_value_is_masked_and_nothing_else(text: bytes, masked: bytes) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_masking_twice_changes_nothing(text: bytes, masked: bytes) -> None:
    assert mask(masked) == masked


LOOK_ALIKES = [
    b"//127.0.0.1/share /mnt cifs rw,vers=3.1.1,username=me,passthrough=1 0 0",
    b"//[fe80::1]/share /mnt cifs rw 0 0",
    b"compass=3 bypass=4 monkey=5 keyring=6 secretary=7 tokens=8",
    b"no password given",
    b"Accepted password for me from ::1; Accepted publickey for me: RSA SHA256:abc",
    b"CIFS: VFS: \\\\srv Send error in SessSetup = -13; credits=512 of 8192",
    b"sudo: me : PWD=/home/me ; USER=root ; COMMAND=/usr/bin/passwd me",
    b"traps: x[1] general protection sig=11; audit: key=(null) sig=9 exe=/bin/x",
    b"%Cpu(s): 1.2 us; user 50% of 2; username=me, 100% busy",
    b"prog --no-password yes --ask-password --password --verbose",
    b"mysql -p database",
    b"cp -p a b; ssh -p 22 me@host; mkdir -p /a/b",
    b"TCP: Possible SYN flooding on port 445. Sending cookies.",
    b"bearer of bad news; authorization: denied",
    b"mail me@host.example; http://host:445/a; time 12:30:45 //x",
    b"Key type dns_resolver registered; EYJAFJALLAJOKULL.is",
    b"token bucket, secret santa, cred: refcount",
]


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_is_no_secret_stays(text: bytes) -> None:
    assert mask(text) == text


@given(words=st.lists(st.sampled_from(LOOK_ALIKES), max_size=9))
def test_many_lines_without_a_secret_stay(words: list[bytes]) -> None:
    text = b"\n".join(words)
    assert mask(text) == text


@given(picked=st.lists(st.sampled_from(MASKED), max_size=9))
def test_a_line_is_masked_whatever_its_neighbours(picked: list[tuple[bytes, bytes]]) -> None:
    assert mask(b"\n".join(text for text, _ in picked)) == b"\n".join(done for _, done in picked)


def test_text_that_is_not_utf8_is_masked_too() -> None:
    assert mask_text("\udcff pass=hunter2") == "\ufffd pass=***"


LINES = b"\n".join(text for text, _ in MASKED) + b"\n\nlast pass=hunter2"


@given(cuts=st.lists(st.integers(0, len(LINES)), max_size=8))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(LINES)]
    masker = LineMask()
    out = b"".join(masker.feed(LINES[a:b]) for a, b in pairwise(edges))
    assert out + masker.finish() == mask(LINES)
    assert SECRET not in mask(LINES)


@given(
    parts=st.lists(
        st.sampled_from(
            [b"option,", b"password=hunter2,", b"pass=hunter2,,hunter2,", b"word ", b"xxxxxxx",
             b" --password hunter2 ", b" -U me%hunter2 ", b' "token": "hunter2" ']
        ),
        max_size=200,
    ),
    size=st.integers(1, 50),
)  # fmt: skip
def test_a_line_without_end_is_passed_on_and_still_masked(parts: list[bytes], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "_LONGEST_LINE", 300)
        text, masker, out = b" ".join(parts), LineMask(), b""
        for start in range(0, len(text), size):
            out += masker.feed(text[start : start + size])
        assert SECRET not in out + masker.finish()


def test_a_word_without_end_does_not_fill_the_memory() -> None:
    masker = LineMask()
    out = sum(len(masker.feed(b"x" * 50_000)) for _ in range(20))
    assert out + len(masker.finish()) == 1_000_000
    assert len(masker._held) == 0
