"""Secrets are masked wherever the pieces of a stream happen to be cut; the rest stays as it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.actions.mask import LineMask, mask, mask_text, stream

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
    # A comma that nobody doubled: what is no mount option belongs to the password.
    (b"rw,password=hunter2,hunter2,dir_mode=0777", b"rw,password=***,dir_mode=0777"),
    (b"user=a%hunter2,hunter2,uid=0,hunter2,ro", b"user=a%***,uid=0,***,ro"),
    (b"pass=hunter2,hunter2=hunter2,x-systemd.automount", b"pass=***,x-systemd.automount"),
    (b"-o 'user=a,password=hunter2 hunter2,uid=0' x", b"-o 'user=a,password=***,uid=0' x"),
    (b'"o":"pass=hunter2","type":"cifs"', b'"o":"pass=***","type":"cifs"'),
    (b'Unknown mount option "hunter2"', b'Unknown mount option "***"'),
    (b"cifs: Unknown parameter 'hunter2'", b"cifs: Unknown parameter '***'"),
    (b"cifs: Bad value for 'hunter2'", b"cifs: Bad value for '***'"),
    (b"x: cifs: Unknown parameter 'hunter2'.", b"x: cifs: Unknown parameter '***'."),
    # Storage accounts: keys and signatures.
    (b"sas_token=?sv=1&sig=" + LONG, b"sas_token=***"),
    (b"?sv=1&amp;sig=hunter2%2Bhunter2%3D&amp;se=2", b"?sv=1&amp;sig=***&amp;se=2"),
    (b"sv%3D1%26sig%3Dhunter2%252Bhunter2%26se%3D2", b"sv%3D1%26sig%3D***%26se%3D2"),
    (b"x " + LONG[:20] * 4 + b"abcdef== y", b"x *** y"),
    (b"SharedAccessKey=" + LONG[:20] * 2 + b"abc=;EntityPath=x", b"SharedAccessKey=***"),
    (b"  azurestorageaccountkey: hunter2", b"  azurestorageaccountkey: ***"),
    # Escapes, within each other.
    (b'{"a":"{\\"password\\":\\"hunter2\\"}"}', b'{"a":"{\\"password\\":***}"}'),
    (b"username\\u003dbob,password\\u003dhunter2", b"username\\u003dbob,password\\u003d***"),
    (b"user%3Dbob%2Cpass%3Dhunter2%2Cuid%3D0", b"user%3Dbob%2Cpass%3D***%2Cuid%3D0"),
    (b"-o\\ a\\=b\\,pass\\=hunter2\\,uid\\=0\\ x", b"-o\\ a\\=b\\,pass\\=***\\,uid\\=0\\ x"),
    # Audit, in hex: what is masked stays hex.
    (b"proctitle=" + b"x\0--pass\0hunter2\0-v".hex().upper().encode(),
     b"proctitle=" + b"x\0--pass\0***\0-v".hex().upper().encode()),
    (b'EXECVE a1="--pass" a2="hunter2" a3="-v"', b'EXECVE a1="--pass" a2="***" a3="-v"'),
    # Programs.
    (b"keyctl add logon cifs:d:CORP a:hunter2 @s", b"keyctl add logon cifs:d:CORP *** @s"),
    (b"cifscreds add -u bob nas <<< hunter2", b"cifscreds add -u bob nas <<< ***"),
    (b"sh -c echo hunter2 | kinit bob", b"sh -c echo *** | kinit bob"),
    (b"smbclient //nas/x hunter2 -U bob", b"smbclient //nas/x *** -U bob"),
    (b'["mount.cifs","--pass","hunter2"]', b'["mount.cifs","--pass",***]'),
    (b"bob:500:" + 32 * b"A" + b":" + 32 * b"0" + b":::", b"bob:500:***:::"),
    # Keys of sessions.
    (b"CIFS: VFS: Session Key   2d 00 9f 11", b"CIFS: VFS: Session Key   ***"),
    (b"ServerOut Key 2d009f11", b"ServerOut Key ***"),
    # What else programs print.
    (b"<password>hunter2</password>", b"<password>***</password>"),
    (b'{"name":"SMB_PASSWORD","value":"hunter2"}', b'{"name":"SMB_PASSWORD","value":***}'),
    (b'{:password=>"hunter2", :a=>1}', b"{:password=>***, :a=>1}"),
    (b"Pwd=hunter2;", b"Pwd=***"),
    (b"  password: hunter2 hunter2", b"  password: ***"),
    (b"userPassword:: hunter2", b"userPassword:: ***"),
    (b"[password] => hunter2", b"[password] => ***"),
    (b"ldap_default_authtok = hunter2 hunter2", b"ldap_default_authtok = ***"),
    (b"  client-key-data: hunter2==", b"  client-key-data: ***"),
    (b"bob:$6$hunter2$" + LONG + b":19000:", b"bob:***:19000:"),
    (b"NT hash: " + b"0a" * 16, b"NT hash: ***"),
    (b"x -hashes :" + b"0a" * 16, b"x -hashes :***"),
    # Quotes around a whole assignment, as units, `export -p` and docker write it.
    (b'Environment="SMB_PASSWORD=hunter2 hunter2" A=b', b'Environment="SMB_PASSWORD=***" A=b'),
    (b"++ export 'SMB_PASS=a hunter2'", b"++ export 'SMB_PASS=***'"),
    (b'docker run -e "PASS=a hunter2" x', b'docker run -e "PASS=***" x'),
    # More programs.
    (b"wbinfo -a CORP\\bob%hunter2", b"wbinfo -a CORP\\bob%***"),
    (b"wbinfo --krb5auth=bob%hunter2 -p", b"wbinfo --krb5auth=bob%*** -p"),
    (b"net ads join -U bob%'a hunter2' x", b"net ads join -U bob%*** x"),
    (b"(echo hunter2; echo hunter2) | smbpasswd -s", b"(echo ***; echo ***) | smbpasswd -s"),
    (b'echo "hunter2" | (smbpasswd -s)', b"echo *** | (smbpasswd -s)"),
    (b"echo hunter2 | realm join -U bob", b"echo *** | realm join -U bob"),
    (b"realm join <<< hunter2", b"realm join <<< ***"),
    (b"ldapsearch -D cn=a -w hunter2 -b x", b"ldapsearch -D cn=a -w *** -b x"),
    (b"curl -su bob:hunter2 h", b"curl -su bob:*** h"),
    (b"curl -u 'bob:a hunter2' h", b"curl -u 'bob:***' h"),
    (b"?l=USER%3Dbob%00PASS%3Da%20hunter2%00A%3D1", b"?l=USER%3Dbob%00PASS%3D***%00A%3D1"),
    (b"/user:A\\a /pass:hunter2", b"/user:A\\a /pass:***"),
]  # fmt: skip


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
    b"passwd: password updated successfully; tbf: token = 5 tokens=12",
    b"token: invalid; Pass: 12 Fail: 3; secret: not found; pam_unix(passwd:chauthtok): x",
    b"sudo: me : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls a=b,c",
    b"CIFS: VFS: \\\\nas Session Id    2d 00 9f 11 00 00 00 00",
    b"session_key_len: 16 Signing Key is not set; keyctl add user",
    b"ext4: Unknown parameter 'foo'; nvme: unknown parameter 'bar' ignored",
    b"cifs: Bad value for 'uid'; CIFS: VFS: bad security option: krb5x",
    b"/dev/sda1 / ext4 rw,relatime,errors=remount-ro,foo 0 0",
    b"key description: cifs.spnego;0;0;39010000;ver=0x2;host=nas;creduid=0x3e8",
    b"SHA256:" + b"hunter2" * 6 + b" proctitle=2F62696E2F6C73 a0=7fff exit=0",
    b'audit: EXECVE argc=3 a0="mount" a1=2F2F6E61732F78 a2="/mnt"',
    b'{"args":["ls","-l"],"path":"C:\\\\x","pct":"%20","amp":"&amp;"}',
    b"smbclient //nas/x failed; echo x | grep y",
    b"cat <<< none",
    b"authtok type: 1 (Password); ldap_default_authtok_type = obfuscated_password",
    b"md5 hash: " + b"0a" * 16 + b"; PID hash table entries: 4096; lm hash not used",
    b"Pass 1: Checking inodes; [token] => Array; $1$2$3; $2 = 5",
    b"winbindd: wbinfo -u; wbinfo: 50% done; curl -fsSLO https://www.example.com:8080/a",
    b"secretName: smbcreds; ls | netstat -an; (echo a; ls) | network",
    b"[1] ? keyctl_describe_key+0x1a/0x30 crypto_shash_setkey+0x4e/0xd0 pw_qos+0x3",
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
        patch.setattr(stream, "_LONGEST_LINE", 300)
        text, masker, out = b" ".join(parts), LineMask(), b""
        for start in range(0, len(text), size):
            out += masker.feed(text[start : start + size])
        assert SECRET not in out + masker.finish()


def test_a_word_without_end_does_not_fill_the_memory() -> None:
    masker = LineMask()
    out = sum(len(masker.feed(b"x" * 50_000)) for _ in range(20))
    assert out + len(masker.finish()) == 1_000_000
    assert len(masker._held) == 0
