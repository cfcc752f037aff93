r"""Lines as their programs write them: each place tells a name, and no name is left anywhere.

Sources of the forms: fs/smb/client (cifs_debug.c, cifsfs.c cifs_show_options and cifs_show_devname,
cifs_spnego.c, cifs_swn.c, connect.c, dns_resolve.c, trace.h), fs/seq_file.c, cifs-utils 7.0,
systemd-escape(1), sshd, cron, su, sudo, auditd, autofs, winbindd, smbd, sssd."""

import pytest

from aod.bundles.redact.gathering import Gathering
from aod.bundles.redact.kinds import Kind

AT = "2026-11-22T20:48:17.123456+0100 ws01 "
DEEP = "\\\\nas7.corp.example\\payroll"
MOUNTED = {
    "mounts.log": "//nas7.corp.example/payroll /mnt/hidden cifs rw,vers=3.1.1,username=bsmith,"
    "domain=CORPX,addr=10.1.2.3 0 0\n"
}

Files = dict[str, str]


def redacted(files: Files, *mount_points: str) -> Files:
    gathering = Gathering()
    gathering.add(Kind.HOSTS, b"ws01")
    for point in mount_points:
        gathering.add(Kind.MOUNTS, point.encode())
    for name, text in files.items():
        gathering.look_at(text.encode(), name)
    redactor = gathering.redactor()
    return {name: redactor.text(text.encode(), name).decode() for name, text in files.items()}


def journal(*lines: str) -> Files:
    return {"journalctl.log": "".join(f"{AT}{line}\n" for line in lines)}


def mounts(*lines: str) -> Files:
    return {"mounts.log": "".join(f"{line}\n" for line in lines)}


def assert_gone(told: Files, *names: str) -> None:
    whole = "\n".join(told.values()).casefold()
    assert [name for name in names if name.casefold() in whole] == [], told


# What the kernel escapes.


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (r"username=CORP\134jdoe", ["CORP", "jdoe"]),
        (r"username=Jane\040Doe,domain=ACME\054Inc", ["Jane Doe", "ACME,Inc"]),
        (r"username=jdoe\100corp.example", ["jdoe", "corp.example"]),
        (r"unc=\134\134nas9\134ledger\040two", ["nas9", "ledger two"]),
        (r"source=\134\134nas9\134ledger", ["nas9", "ledger"]),
        (r"prefixpath=team\134alpha\054beta/q\040one", ["team", "alpha,beta", "q one"]),
        (r"servern=NASX,netbiosname=LAPX", ["NASX", "LAPX"]),
    ],
)
def test_mount_options_are_unescaped_before_they_are_learnt(options: str, names: list[str]) -> None:
    files = mounts(f"//10.1.2.3/s /m cifs rw,{options},addr=10.1.2.3 0 0")
    said = [f"app: said {name} and {name.upper()}, <{name}>" for name in names]
    assert_gone(redacted(files | journal(*said)), *names)


def test_a_domain_user_in_a_mount_table_and_in_the_journal() -> None:
    told = redacted(
        mounts(r"//10.1.2.3/s /m cifs rw,username=CORP\134jdoe,addr=10.1.2.3 0 0")
        | journal(r"a: jdoe of CORP is corp\jdoe is CORP\\jdoe is CORP\134jdoe")
    )
    assert r"username=domain-1\134user-1," in told["mounts.log"]
    assert told["journalctl.log"].endswith(
        "a: user-1 of domain-1 is domain-1\\user-1 is domain-1\\\\user-1 is domain-1\\134user-1\n"
    )


@pytest.mark.parametrize("year", ["2026", "2026-q1", "101", "2031 plan", "u2026", "x20"])
def test_a_folder_that_begins_with_digits_is_no_escape(year: str) -> None:
    told = redacted({"dmesg.log": f"[1] x: \\\\nas9\\ledger\\{year}\n"} | journal("a: ledger"))
    assert_gone(told, "ledger", "nas9")


# Kerberos.

KERBEROS = [
    (
        "cifs.upcall[7]: key description: cifs.spnego;0;0;39010000;ver=0x2;host=nas9.lab.example;"
        "ip4=10.9.8.7;sec=krb5;uid=0x0;creduid=0x3e8;user=kjones;pid=0x4d2;upcall_target=app",
        ["nas9", "lab.example", "10.9.8.7", "kjones"],
    ),
    ("cifs.upcall[7]: host=nas9.lab.example", ["nas9", "lab.example"]),
    ("cifs.upcall[7]: user=kjones", ["kjones"]),
    (
        "cifs.upcall[7]: handle_krb5_mech: getting service ticket for nas9.lab.example",
        ["nas9", "lab.example"],
    ),
    ("cifs.upcall[7]: cifs_krb5_get_req: unable to get credentials for nas9x", ["nas9x"]),
    ("cifs.upcall[7]: cifs_krb5_get_req: unable to make AP-REQ for nas9x", ["nas9x"]),
    ("cifs.upcall[7]: cifs_krb5_get_req: unable to get session key for nas9x", ["nas9x"]),
    ("cifs.upcall[7]: resolve_krb5_name: resolved kjones@LAB.EXAMPLE to FILE:/tmp/x", ["kjones"]),
    ("cifs.upcall[7]: unable to resolve hostname: nas9x [Name not known]", ["nas9x"]),
    ("cifs.upcall[7]: ip_to_fqdn: failed to resolve nas9x to ipaddr: no", ["nas9x"]),
    ("cifs.upcall[7]: check: principal kjones@LAB.EXAMPLE", ["kjones", "lab.example"]),
    ("gssproxy[7]: krb5_parse_name(cifs/nas9x@LAB.EXAMPLE)", ["nas9x", "lab.example"]),
    ("krb[7]: krbtgt/LAB.EXAMPLE@LAB.EXAMPLE", ["lab.example"]),
    (
        "key.dns_resolver[7]: Key description: 'dns_resolver;0;0;3f010000;nas9.lab.example'",
        ["nas9", "lab.example"],
    ),
    ("key.dns_resolver[7]: Do DNS query of A type for:'nas9x' mask:''", ["nas9x"]),
    ("kernel: CIFS: dns_resolve_server_name_to_ip: unable to resolve: nas9x", ["nas9x"]),
    ("kernel: CIFS: VFS: cifs_get_smb_ses: Can not resolve nas9x: rc=-2", ["nas9x"]),
    ("mount[7]: mount error: could not resolve address for nas9x: Unknown error", ["nas9x"]),
    ("krb5_child[7]: kinit for kjones@LAB.EXAMPLE failed: Preauthentication", ["kjones"]),
    ("krb5_child[7]: Client 'WS77$@LAB.EXAMPLE' not found", ["ws77", "lab.example"]),
    ("kubelet[7]: dial tcp: lookup nas9x on 10.0.0.10:53: no such host", ["nas9x"]),
]


@pytest.mark.parametrize(("line", "names"), KERBEROS)
def test_kerberos_and_name_resolution(line: str, names: list[str]) -> None:
    told = redacted(journal(line, *(f"a: {name} B: {name.upper()}" for name in names)))
    assert_gone(told, *names)


def test_what_is_no_name_in_these_lines_stays() -> None:
    line = "cifs.upcall[7]: get_existing_cc: default ccache is FILE:/tmp/krb5cc_1000"
    assert line in redacted(journal(line))["journalctl.log"]
    told = redacted(journal(KERBEROS[0][0]))["journalctl.log"]
    for kept in ("cifs.spnego;0;0;39010000;ver=0x2", "sec=krb5;uid=0x0;creduid=0x3e8", "pid=0x4d2"):
        assert kept in told


def test_an_account_has_one_pseudonym_in_all_its_forms() -> None:
    told = redacted(
        mounts(r"//nas9.lab.example/s /m cifs rw,username=LAB\134kjones,addr=10.1.2.3 0 0")
        | journal(
            r"a: kjones LAB\kjones kjones@LAB.EXAMPLE cifs/nas9.lab.example@LAB.EXAMPLE NAS9$"
        )
    )["journalctl.log"]
    assert told.endswith(
        "a: user-1 domain-1\\user-1 user-1@domain-2 cifs/host-1@domain-2 host-1$\n"
    ) or told.endswith(
        "a: user-1 domain-2\\user-1 user-1@domain-1 cifs/host-1@domain-1 host-1$\n"
    ), told


# Blanks and commas.


@pytest.mark.parametrize(
    ("file", "line", "names"),
    [
        ("dmesg.log", "[1] CIFS: Attempting to mount //nas9/My Secret Share", ["nas9", "secret"]),
        ("dmesg.log", r"[1] CIFS: Attempting to mount \\nas9\Sec, ret/a b", ["nas9", "sec", "a b"]),
        ("journalctl.log", AT + r"kernel: CIFS: Attempting to mount \\nas9\Pay roll, Q3", ["roll"]),
        ("dmesg.log", r"[1] CIFS: VFS: BAD_NETWORK_NAME: \\nas9\Pay roll", ["nas9", "roll"]),
        ("syslogs.log", r'{"m":"Attempting to mount \\\\nas9\\Pay roll, Q3"}', ["roll", "q3"]),
        ("journalctl.log", AT + 'kubelet[1]: mount "//nas9/Pay roll" on "/mnt"', ["pay", "roll"]),
        ("journalctl.log", AT + "mount: '//nas9/Pay, roll': no", ["pay", "roll"]),
        ("trace.log", r"smb3_tcon: xid=1 tid=0x1 unc_name=\\nas9\Pay roll rc=-13", ["roll"]),
        (
            "mounts.log",
            "//nas9/Pay roll /mnt/q cifs rw,username=kjones,addr=10.1.2.3 0 0",
            ["roll"],
        ),
        ("mounts.log", "//nas9/Pay roll on /mnt/q type cifs (rw,username=kjones)", ["roll"]),
        ("cifs.log", r"cache entry: path=\nas9\Pay roll\my hook,type=link,ttl=1", ["roll", "hook"]),
        ("cifs.log", "\t\\nas9\\Pay roll (target hint)\n\t\\nas8\\Cold store\n", ["roll", "cold"]),
        ("debugdata.log", r"DFS leaf full path: \corp9\dfs root\team a", ["corp9", "team"]),
        ("debugdata.log", r"	DFS origin full path: \\corp9\dfs root\team a", ["corp9", "team"]),
    ],
)
def test_a_name_with_blanks_or_commas_goes_to_its_end(
    file: str, line: str, names: list[str]
) -> None:
    told = redacted({file: line + "\n"})
    assert_gone(told, *names)


def test_a_raw_mount_line_keeps_its_last_fields() -> None:
    told = redacted(mounts("//nas9/Pay roll, Q3/a b /mnt/q\\040x cifs rw,username=kjones 0 0"))
    assert told["mounts.log"] == "//host-1/share-1/file-1 /mount-1 cifs rw,username=user-1 0 0\n"


# Mount points as systemd spells them, and automounts.


@pytest.mark.parametrize(
    ("point", "line", "becomes"),
    [
        ("/mnt/hidden", "systemd[1]: mnt-hidden.mount: Mount process exited", "mount-1.mount: "),
        ("/mnt/hr-data/q one", r"systemd[1]: Failed: mnt-hr\x2ddata-q\x20one.mount.", "mount-1.mo"),
        ("/mnt/hidden", "systemd[1]: Set up automount mnt-hidden.automount.", "mount-1.automount"),
        ("/mnt/hidden", "systemd[1]: backup@mnt-hidden.service: Failed", "backup@mount-1.serv"),
        ("/mnt/hidden", "systemd[1]: mnt-hidden-lay.mount: x", "mount-1-file-1.mount"),
        ("/mnt/gehälter", r"systemd[1]: mnt-geh\xc3\xa4lter.mount: x", "mount-1.mount"),
        ("/mnt/hidden", r"systemd[1]: x\x2dmnt-hidden.mount stays", "x\\x2dmnt-hidden.mount"),
    ],
)
def test_units_of_mount_points(point: str, line: str, becomes: str) -> None:
    assert becomes in redacted(journal(line), point)["journalctl.log"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("automount[7]: attempting to mount entry /net/hidden9", ["/net/hidden9/x"]),
        ("automount[7]: lookup_mount: lookup(file): looking up hidden9", ["hidden9"]),
        (
            "automount[7]: parse_mount: parse(sun): expanded entry: -fstype=cifs,username=kjones ://nas9/ledger",
            ["kjones", "nas9", "ledger"],
        ),
        (
            "automount[7]: sun_mount: parse(sun): mounting root /net, mountpoint hidden9, "
            "what //nas9/ledger, fstype cifs, options username=kjones",
            ["hidden9", "nas9", "ledger", "kjones"],
        ),
        ("automount[7]: expired /net/hidden9", ["/net/hidden9"]),
        (
            "automount[7]: mounted //nas9/ledger type cifs on /net/hidden9",
            ["/net/hidden9", "ledger"],
        ),
        ("app: hidden9 -fstype=cifs,rw ://nas9/ledger", ["hidden9", "nas9", "ledger"]),
    ],
)
def test_automounts(line: str, names: list[str]) -> None:
    assert_gone(redacted(journal(line, *(f"a: {name}" for name in names))), *names)


# Logons, audit.


@pytest.mark.parametrize(
    "line",
    [
        "CRON[77]: (kjones) CMD (/usr/local/bin/sync.sh)",
        "su[8]: (to root) kjones on pts/0",
        "sshd[1]: Accepted gssapi-with-mic for kjones from 10.9.8.7 port 5 ssh2: x@CORP.EXAMPLE",
        "sshd[1]: Accepted keyboard-interactive/pam for kjones from 10.9.8.7 port 5 ssh2",
        "sshd[1]: Failed none for invalid user kjones from 10.9.8.7 port 5 ssh2",
        "sshd[1]: Authorized to kjones, krb5 principal kjones@CORP.EXAMPLE (ssh_gssapi_krb5_cmdok)",
        "sshd[1]: Connection closed by authenticating user kjones 10.9.8.7 port 5 [preauth]",
        "sshd[1]: User kjones from 10.9.8.7 not allowed because not listed in AllowUsers",
        r"pam_winbind(sshd:auth): user 'CORPX\kjones' granted access",
        r"winbindd[3]: getpwnam CORPX\kjones",
        r"winbindd[3]: lookup of CORPX\\kjones",
        "pam_sss(sshd:auth): authentication failure; logname= uid=0 ruser= rhost=h user=kjones",
        "sssd_be[5]: [sssd[be[corp.example]]] Authentication failed for [kjones@corp.example]",
        "app: mail to kjones@corp.example, please",
        "smbd[4]: Auth: [SMB2,(null)] user [CORPX]\\[kjones] at [Sun] with [NTLMv2] status [X]",
        "smbd[4]: check_ntlm_password:  Authentication for user [kjones] -> [kjones] FAILED",
        "smbd[4]: auth: domain=[CORPX] user=[kjones] workstation=[W] len1=24",
        'audit[7]: SYSCALL arch=c000003e auid=1000 comm="cat" AUID="kjones" UID="root"',
        'audit[7]: SYSCALL uid=1000 EUID="kjones" SUID="kjones" OUID="kjones" GID="kjones"',
        'audit[7]: USER_AUTH msg=\'op=PAM acct="kjones" exe="/usr/sbin/sshd"\'',
        "audit[7]: USER_AUTH msg='op=PAM acct=6B6A6F6E6573 exe=\"/usr/sbin/sshd\"'",
        'app: {"username":"kjones","host":"x"}',
        r'app: {"opts":"username=\"kjones\",vers=3"}',
        "login[5]: LOGIN ON tty1 BY kjones",
        "systemd[1]: Created slice User Slice of kjones.",
    ],
)
def test_logons(line: str) -> None:
    files = {"debugdata.log": "1) ConnectionId: 0x1 Hostname: nas7.corp.example\n"}
    files |= mounts("//10.1.2.3/s /m cifs rw,domain=CORPX 0 0")
    assert_gone(redacted(files | journal(line, "a: by kjones, KJONES")), "kjones", "corpx")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("smbd[4]: Auth: user [C]\\[k] workstation [WS-X7] remote host [ipv4:10.1.9.9:5]", "ws-x7"),
        ("smbd[4]: auth: domain=[C] user=[k] workstation=[WS-X7] len1=24", "ws-x7"),
        ("audit[7]: msg='op=login id=1000 hostname=ws-x7 addr=? terminal=pts/0'", "ws-x7"),
        (r"winbindd[3]: machine account CORPX\WS-X7$ changed", "ws-x7"),
        ("NetworkManager[1]: <info> dhcp4 (eth0): option host_name => 'ws-x7'", "ws-x7"),
        (
            "NetworkManager[1]: <info> dhcp4 (eth0): option domain_name => 'br.example'",
            "br.example",
        ),
        ("rpc.gssd: ERROR: No credentials found for connection to server ws-x7", "ws-x7"),
        ("gvfsd[3]: mounted smb-share:server=ws-x7,share=payxroll,user=k at /run", "payxroll"),
        ('audit[7]: SYSCALL auid=1000 GID="financex"', "financex"),
        ("azurefile[1]: NodeStageVolume rgpay#acctx77#sharex9# done", "rgpay"),
        ("azurefile[1]: NodeStageVolume rgpay#acctx77#sharex9# done", "acctx77"),
        ('azurefile[1]: volume_id:"rgpay#acctx77#sharex9#disk.vhd"', "sharex9"),
        ('smb[1]: volume_id:"ws-x7.lab.example/payxroll#pvc-1#sub"', "ws-x7"),
        ('smb[1]: volume_id:"ws-x7.lab.example/payxroll#pvc-1#sub"', "payxroll"),
        ("k[1]: x mount error(115): could not connect to ws-x7", "ws-x7"),
    ],
)
def test_hosts_groups_and_shares(line: str, name: str) -> None:
    files = mounts("//10.1.2.3/s /m cifs rw,domain=CORPX 0 0")
    assert_gone(redacted(files | journal(line, f"a: by {name}")), name)


def test_a_host_s_short_netbios_name() -> None:
    told = redacted(
        {"debugdata.log": "1) ConnectionId: 0x1 Hostname: averylongfilerxy.corp.example\n"}
        | journal("nmbd: AVERYLONGFILERX<20>")
    )
    assert "nmbd: host-1<20>" in told["journalctl.log"]


PROCTITLE = "mount\0-t\0cifs\0-o\0username=kjones,domain=CORPY\0//nas9.lab.example/Pay roll\0/mnt/q"


@pytest.mark.parametrize(
    "form", ["PROCTITLE proctitle={}", "EXECVE argc=1 a0={}", "X cmd={} res=1"]
)
def test_hex_of_audit_records(form: str) -> None:
    line = "audit[7]: " + form.format(PROCTITLE.encode().hex().upper())
    told = redacted(journal(line, "a: kjones nas9 Pay roll"))["journalctl.log"]
    assert_gone({"": told}, "kjones", "nas9", "pay roll")
    held = bytes.fromhex(
        told.splitlines()[0]
        .rpartition("=")[0 if "res=" in form else 2]
        .rpartition("cmd=")[2]
        .removesuffix(" res")
    ).decode()
    assert held.startswith("mount\0-t\0cifs\0-o\0username=user-")
    assert_gone({"": held}, "kjones", "nas9", "payroll", "corpy")


# SIDs, GUIDs, witness, DFS.

SID = "S-1-5-21-1111111111-2222222222-3333333333"


def test_sids() -> None:
    told = redacted(
        journal(
            f"cifs.idmap: key description: cifs.idmap;0;0;39010000;os:{SID}-1104",
            f"kernel: CIFS: VFS: sid_to_id: Can't map SID os:{SID}-1105 to a uid",
            f"winbindd: {SID}-512 of {SID.lower()}; again {SID}-1104; not S-1-5-32-544, S-1-1-0",
            "a: S-1-12-1-1111111111-2222222222-3333333333-4444444444",
        )
    )["journalctl.log"]
    assert_gone({"": told}, "1111111111", "2222222222", "3333333333", "4444444444", "1104", "1105")
    first, second, third, _ = told.splitlines()
    assert "S-1-5-32-544, S-1-1-0" in third
    account, group = first.rpartition(":")[2], third.split()[3]
    assert account.rpartition("-")[0] == group.rpartition("-")[0]
    assert group.endswith("-512")
    assert f"again {account};" in third
    assert account not in second


def test_guids_of_clients() -> None:
    guid = "7F3E11AA-0B1C-4D22-9E10-AABBCCDDEEFF"
    told = redacted({"debugdata.log": f"ClientGUID: {guid}\n"} | journal(f"a: {guid.lower()}"))
    assert told["debugdata.log"] == "ClientGUID: guid-1\n"
    assert told["journalctl.log"].endswith("a: guid-1\n")


def test_witness_registrations() -> None:
    line = (
        "Id: 1 Refs: 1 Network name: 'sofs9'(y) Share name: 'ledger'(n) Ip address: 10.1.2.3(n)\n"
    )
    told = redacted({"debugdata.log": line} | journal("a: sofs9 ledger"))
    assert told["debugdata.log"].startswith(
        "Id: 1 Refs: 1 Network name: 'host-1'(y) Share name: 'share-1'(n) Ip address: 198.18.0.1(n)"
    )
    assert_gone(told, "sofs9", "ledger")


def test_slow_servers_of_stats() -> None:
    told = redacted({"stats.log": "  3 slow responses from nas9 for command 5\n"})
    assert told["stats.log"] == "  3 slow responses from host-1 for command 5\n"


# Letters.


@pytest.mark.parametrize(
    "written",
    ["gehälter", "GEHÄLTER", "GehÄlter", "geha\u0308lter", "GEHA\u0308LTER", r"Geh\303\244lter",
     r"GEH\303\204LTER", "geh%C3%A4lter", "GEH%C3%84LTER", r"GEH\u00c4LTER", r"geh\xc3\xa4lter"],
)  # fmt: skip
@pytest.mark.parametrize("known", ["GehÄlter", "gehälter", "Geha\u0308lter"])
def test_the_same_name_in_other_letters(known: str, written: str) -> None:
    told = redacted(mounts(f"//10.1.2.3/{known} /m cifs rw 0 0") | journal(f"a: of {written} b"))
    assert told["journalctl.log"].endswith("a: of share-1 b\n")


def test_two_forms_of_a_name_have_one_pseudonym() -> None:
    told = redacted(
        mounts("//10.1.2.3/Gehälter /m cifs rw 0 0", "//10.1.2.3/GEHA\u0308LTER /n cifs rw 0 0")
    )
    assert told["mounts.log"].count("share-1") == 2


# Files that end in numbers.

OPEN = "# <tree id> <ses id> <persistent fid> <flags> <count> <pid> <uid> <filename>"
ROW = "0x5 0x1 0x2 0x8000 1 33 1000 lay offs 2026"


@pytest.mark.parametrize(
    ("heading", "row", "becomes"),
    [
        (OPEN, ROW, "file-1"),
        (OPEN + " <mid>", ROW + " 77", "file-1 77"),
        (OPEN + " <lease> <mid>", ROW + " RHW 77", "file-1 RHW 77"),
    ],
)
def test_a_file_name_that_ends_in_a_number(heading: str, row: str, becomes: str) -> None:
    told = redacted({"cifs.log": f"{heading}\n{row}\n"} | journal("a: lay offs 2026"))
    assert told["cifs.log"].endswith(f"1 33 1000 {becomes}\n")
    assert told["journalctl.log"].endswith("a: file-1\n")


@pytest.mark.parametrize(
    "line",
    [
        "polkitd[7]: not authorized to perform operation; perform again",
        "app: resolved due to timing; failed to resolve: Temporary failure; Temporary names",
        "app: lookup table on disk; table full; random=xyzzy xyzzy",
        "psql: could not connect to display; connection to server timed out; display timed",
        "app: no route to host: unreachable; unreachable network; opened a ticket for customers",
        "systemd[1]: user:invocation_id set; invocation_id",
        "kernel: client protocol mismatch; principal engineer; user mode; users",
    ],
)
def test_prose_stays(line: str) -> None:
    assert redacted(journal(line))["journalctl.log"].endswith(f" {line}\n")
