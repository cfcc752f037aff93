"""Secrets of every kind, in every spelling that the sources of a bundle print.

One table for masking and redaction: the command lines and texts that hold secrets (COMMANDS,
TEXTS), how a command line is written where it is logged (SPELLINGS), how a text is quoted in
another (WRAPPINGS), and what a log puts before a line (PREFIXES). `planted` is all of it, less what
nothing writes."""

import json
import re
import shlex
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote

LETTERS: Final = "QZJ"
"""Secrets are of these letters and signs; nothing else in this table has them."""
SAFE: Final = LETTERS
"""What a password may hold so that no spelling changes it."""
BASE64: Final = LETTERS + "+/"
SIGNS: Final = LETTERS + "!#$*.~^?|&;()<>%@:="
"""What must be quoted or escaped in most spellings."""
WITH_BLANKS: Final = SIGNS + " "

Argv = list[str]

COMMANDS: Final[dict[str, tuple[str, Callable[[str], Argv]]]] = {
    # name: what the secret may be of, and the command line that holds it
    "mount password": (
        WITH_BLANKS,
        lambda s: ["mount", "-t", "cifs", "-o", f"username=bob,password={s},uid=0", "//nas/x"],
    ),
    "mount password, last": (
        SIGNS,
        lambda s: ["mount.cifs", "//nas/x", "/mnt", "-o", f"rw,username=bob,pass={s}"],
    ),
    "second mount password": (
        WITH_BLANKS,
        lambda s: ["mount", "-o", f"remount,password2={s},uid=0", "//nas/x", "/mnt"],
    ),
    "mount password with commas": (
        SAFE,
        lambda s: ["mount", "-o", f"user=bob,password={s},{s},uid=0,{s},ro", "//nas/x", "/mnt"],
    ),
    "mount password with doubled commas": (
        SAFE,
        lambda s: ["mount", "-o", f"user=bob,password={s},,{s},uid=0", "//nas/x", "/mnt"],
    ),
    "mount user%password": (
        SAFE,
        lambda s: ["mount", "-o", f"rw,user=corp/bob%{s},uid=0", "//nas/x", "/mnt"],
    ),
    "smbclient -U": (SAFE, lambda s: ["smbclient", "//nas/x", "-U", f"bob%{s}", "-c", "ls"]),
    "smbclient's second word": (SAFE, lambda s: ["smbclient", "//nas/x", s, "-U", "bob"]),
    "long option": (WITH_BLANKS, lambda s: ["prog", "--password", s, "-v"]),
    "long option with =": (SAFE, lambda s: ["prog", f"--client-secret={s}", "-v"]),
    "keyctl": (SAFE, lambda s: ["keyctl", "add", "logon", "cifs:a:192.0.2.1", f"bob:{s}", "@s"]),
    "curl": (SAFE, lambda s: ["curl", "-s", "-u", f"bob:{s}", "https://www.example.com/"]),
    "sshpass": (SAFE, lambda s: ["sshpass", "-p", s, "ssh", "nas"]),
    "account key": (
        BASE64,
        lambda s: ["az", "share", "--account-key", (s * 86)[:86] + "==", "--name", "x"],
    ),
    "account key, bare": (BASE64, lambda s: ["mountshare", "acct", (s * 86)[:86] + "=="]),
    "connection string": (
        BASE64,
        lambda s: ["prog", f"AccountName=a;AccountKey={(s * 86)[:86]}==;EndpointSuffix=b"],
    ),
    "signature in a link": (
        LETTERS,
        lambda s: ["curl", f"https://a.example.com/s?sv=2024-01-01&sig={s}%2B{s}%3D&se=2026"],
    ),
    "user in a link": (LETTERS, lambda s: ["gio", "mount", f"smb://bob:{s}@nas/x"]),
    "environment": (SAFE, lambda s: ["env", f"SMB_PASSWORD={s}", "prog"]),
}  # fmt: skip


def _execve(argv: Argv) -> str:
    """kernel/auditsc.c, audit_log_execve_info: in hex what has a blank, a quote, or no ASCII."""
    words = (f"a{at}={_untrusted(one)}" for at, one in enumerate(argv))
    return f"audit: type=1309 audit(1.2:3): argc={len(argv)} {' '.join(words)}"


def _untrusted(text: str) -> str:
    is_plain = all("!" <= one <= "~" and one != '"' for one in text)
    return f'"{text}"' if is_plain else text.encode().hex().upper()


def in_pieces(argv: Argv, cut: int, between: str = " ") -> str:
    """An argument that was too long for a record of audit, here any."""
    parts = []
    for at, one in enumerate(argv):
        first, second = one[:cut], one[cut:]
        if first and second:
            parts.append(f"a{at}_len={len(one)} a{at}[0]={_untrusted(first)}")
            parts.append(f"a{at}[1]={_untrusted(second)}")
        else:
            parts.append(f"a{at}={_untrusted(one)}")
    return f"type=EXECVE msg=audit(1.2:3): argc={len(argv)} " + between.join(parts)


def _sudo(argv: Argv) -> str:
    """sudo -s: a backslash before each letter that is none of a name."""
    text = shlex.join(argv)
    return "COMMAND=/bin/bash -c " + "".join(
        one if one.isalnum() or one in "_-$" else "\\" + one for one in text
    )


def _json_escaped(text: str) -> str:
    return "".join(f"\\u{ord(one):04x}" if one in "=&<>'" else one for one in json.dumps(text))


def _html(text: str) -> str:
    named = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "=": "&#61;"}
    return "".join(named.get(one, one) for one in text)


def _octal(text: str) -> str:
    """As the kernel mangles mounts, and glibc's ls and sudo of late do."""
    return "".join(f"\\{ord(one):03o}" if one in " \t\n\\#=" else one for one in text)


def _hex_escaped(text: str) -> str:
    """systemd-escape, C."""
    return "".join(f"\\x{ord(one):02x}" if one in " \t\n\\=\"'" else one for one in text)


def _ansi_c(argv: Argv) -> str:
    """bash's $'..', as set -x and printf %q write what has odd letters."""

    def one(word: str) -> str:
        escaped = word.replace("\\", "\\\\").replace("'", "\\'")
        return f"$'{escaped}'" if shlex.quote(word) != word else word

    return " ".join(map(one, argv))


def _double_quoted(argv: Argv) -> str:
    def one(word: str) -> str:
        escaped = "".join("\\" + letter if letter in '"\\$`' else letter for letter in word)
        return f'"{escaped}"' if shlex.quote(word) != word else word

    return " ".join(map(one, argv))


SPELLINGS: Final[dict[str, Callable[[Argv], str]]] = {
    "for a shell, in single quotes": shlex.join,
    "for a shell, in double quotes": _double_quoted,
    "for a shell, as $'..'": _ansi_c,
    "sudo -s": _sudo,
    "sudo": lambda argv: "COMMAND=/usr/bin/" + shlex.join(argv),
    "audit, proctitle": lambda argv: (
        "audit: type=1327 audit(1.2:3): proctitle=" + "\0".join(argv).encode().hex().upper()
    ),
    "audit, execve": _execve,
    "audit, user command": lambda argv: (
        f"audit: USER_CMD pid=1 msg='cwd=\"/\" cmd={' '.join(argv).encode().hex().upper()} res=1'"
        if len(shlex.join(argv)) == len(" ".join(argv))
        else _execve(argv)
    ),
    "/proc/PID/cmdline": "\0".join,
    "a list of JSON": json.dumps,
    "a list of Python": repr,
    "a list of JSON without blanks": lambda argv: json.dumps(argv, separators=(",", ":")),
}
"""How a command line is written in a log."""
_BY_SHELLS: Final = [one for one in SPELLINGS if one.startswith(("for a shell", "a list"))]

_LOGGED: Final[dict[str, Callable[[str], str]]] = {
    "as it is": lambda text: text,
    "JSON": lambda text: json.dumps({"level": "info", "log": text, "stream": "stderr"}),
    "JSON without blanks": lambda text: json.dumps({"a": text, "b": 1}, separators=(",", ":")),
    "JSON in JSON": lambda text: json.dumps({"msg": json.dumps({"cmd": text, "n": 1})}),
}
_SENT: Final[dict[str, Callable[[str], str]]] = {
    "JSON, escaped for HTML": lambda text: '{"msg":' + _json_escaped(text) + ',"n":1}',
    "HTML": lambda text: f"<td>{_html(text)}</td>",
    "link": lambda text: f"GET /log?line={quote(text, safe='')}&n=1 HTTP/1.1",
    "link in a link": lambda text: f"GET /log?line={quote(quote(text, safe=''), safe='')} HTTP/1.1",
    "octal": _octal,
    "hex": _hex_escaped,
}
"""What no log daemon does: so are command lines and texts written before they are logged."""
WRAPPINGS: Final = _LOGGED | _SENT
"""How a text is written in another."""

PREFIXES: Final = (
    "",
    "Nov 30 20:22:13 ws01 sudo[77]:   bob : TTY=pts/0 ; PWD=/root ; USER=root ; ",
    "2026-11-30T20:22:13.123456+0000 ws01 kubelet[77]: I1130 20:22:13 mount_linux.go:7] ",
    "[12345.678901] 2026-11-30T20:22:13 <6> ",
)

TEXTS: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    # name: what the secret may be of, and the line of text that holds it
    "fstab": (SAFE, lambda s: f"//nas/x /mnt cifs username=bob,password={s},uid=0 0 0"),
    "mountinfo": (
        LETTERS,
        lambda s: f"35 22 0:31 / /mnt rw - cifs //nas/x rw,username=bob,password={s}\\040{s},uid=0",
    ),
    "systemd unit": (SAFE, lambda s: f"Options=username=bob,password={s},uid=1000"),
    "automounter's map": (SAFE, lambda s: f"x -fstype=cifs,user=bob,password={s} ://nas/x"),
    "file of credentials": (SAFE, lambda s: f"username=bob#012password={s}#012domain=corp"),
    "blanks that nobody quoted": (LETTERS, lambda s: f"-o username=bob,password={s} {s},vers=3.0"),
    "quote that is a letter": (LETTERS, lambda s: f'password="{s},{s} {s},vers=3.0'),
    "file of credentials, a line": (SAFE, lambda s: f"password = {s}"),
    "environment": (SAFE, lambda s: f'prog: env: [USER=bob PASSWD={s} "SMB_PASS={s}"]'),
    "environment, NUL": (LETTERS + " ", lambda s: f"USER=bob\0SMB_PASSWORD=Q{s}\0HOME=/"),
    "environment of a container": (SAFE, lambda s: f'{{"name":"SMB_PASSWORD","value":"{s}"}}'),
    "JSON": (LETTERS, lambda s: json.dumps({"a": 1, "clientSecret": s, "b": 2})),
    "YAML": (LETTERS, lambda s: f"  azurestorageaccountkey: {s}"),
    "YAML, quoted": (LETTERS + " ", lambda s: f'  smb_pass: "Q{s}"'),
    "YAML, in one line": (SAFE, lambda s: f"- name: SMB_PASSWORD   value: {s}"),
    "map of Go": (LETTERS, lambda s: f"secrets:map[azurestorageaccountkey:{s} name:acct]"),
    "struct of Go": (LETTERS, lambda s: f"&{{Username:bob Password:{s} Domain:corp}}"),
    "hash of Ruby": (LETTERS, lambda s: f'{{:password=>"{s}", "token"=>"{s}"}}'),
    "array of PHP": (LETTERS, lambda s: f"'password' => '{s}'"),
    "dict of Python": (
        LETTERS,
        lambda s: f"{{'password': '{s}', 'token': b'{s}', u'pass': u'{s}'}}",
    ),
    "element of XML": (LETTERS, lambda s: f"<password>{s}</password><v password=\"{s}\" a='b'/>"),
    "said": (LETTERS, lambda s: f"the password: {s} is wrong, Pwd={s}; token: {s}"),
    "command of Windows": (LETTERS, lambda s: f"net use /user:azure\\acct /pass:{s}"),
    "header": (LETTERS, lambda s: f"> Authorization: Bearer {s}"),
    "header, basic": (LETTERS, lambda s: f"authorization: Basic {s}="),
    "cookie": (LETTERS, lambda s: f"< Set-Cookie: id={s}; path=/"),
    "docker's login": (
        LETTERS,
        lambda s: f'{{"auths":{{"www.example.com":{{"auth":"{s * 9}="}}}}}}',
    ),
    "connection string": (
        BASE64,
        lambda s: f"BlobEndpoint=https://a.example.com/;SharedAccessSignature=sv=2024&sig={s}%3D",
    ),
    "signature": (LETTERS, lambda s: f"token sas_token=?sv=2024-01-01&sig={s}%2F{s}%3D&se=2026"),
    "signature, HTML": (LETTERS, lambda s: f"https://a.example.com/s?sv=1&amp;sig={s}%3D&amp;se=2"),
    "signature alone": (LETTERS, lambda s: f"sig={s * 20}%3D"),
    "account key, 256 bits": (BASE64, lambda s: f"SharedAccessKey={(s * 43)[:43]}="),
    "account key by its form": (BASE64, lambda s: f"acct {(s * 86)[:86]}== share"),
    "here string": (LETTERS, lambda s: f"cifscreds add -u bob nas <<< {s}"),
    "pipe": (LETTERS, lambda s: f"sh -c echo {s} | kinit bob@example.com"),
    "pipe, quoted": (LETTERS, lambda s: f"echo 'bob:{s} {s}' | sudo chpasswd"),
    "kernel, unknown option": (LETTERS, lambda s: f'CIFS: VFS: Unknown mount option "{s}"'),
    "kernel, unknown parameter": (LETTERS, lambda s: f"cifs: Unknown parameter '{s}'"),
    "kernel, bad value": (LETTERS, lambda s: f"cifs: Bad value for '{s}'"),
    "mount, of the kernel, unknown parameter": (
        LETTERS,
        lambda s: f"mount: /mnt: fsconfig() failed: cifs: Unknown parameter '{s}'.",
    ),
}
"""What is written as it is, in whatever program."""

KEY_LINES: Final = (
    "CIFS: VFS: \\\\nas Session Key   {}",
    "CIFS: VFS: Signing Key   {}",
    "CIFS: VFS: ServerIn Key  {}",
    "CIFS: VFS: ServerOut Key {}",
    "ksmbd: auth: Session Key   {}",
    "Server Encryption Key: {}",
    "Session Key   [0000] {}   ..Q..ZJ.",
)
"""Before the pairs of hex of a key: the client's and ksmbd's (`%*ph`), smbinfo's, Samba's."""


class Planted(NamedTuple):
    """A line that holds a secret."""

    name: str
    letters: str
    """Of which the secret may be."""
    line: Callable[[str], str]


def planted() -> list[Planted]:
    """All kinds in all spellings, in all wrappings."""
    commands = [
        Planted(f"{kind}: {spelling}: {wrapping}", letters, partial(_written, argv, write, wrap))
        for kind, (letters, argv) in COMMANDS.items()
        for spelling, write in SPELLINGS.items()
        for wrapping, wrap in (WRAPPINGS if spelling in _BY_SHELLS else _LOGGED).items()
    ]
    texts = [
        Planted(f"{kind}: {wrapping}", letters, partial(_wrapped, text, wrap))
        for kind, (letters, text) in TEXTS.items()
        for wrapping, wrap in (_LOGGED if "kernel" in kind else WRAPPINGS).items()
    ]
    return commands + texts


def _written(
    argv: Callable[[str], Argv],
    write: Callable[[Argv], str],
    wrap: Callable[[str], str],
    secret: str,
) -> str:
    return wrap(write(argv(secret)))


def _wrapped(text: Callable[[str], str], wrap: Callable[[str], str], secret: str) -> str:
    return wrap(text(secret))


def is_found(text: bytes) -> bool:
    """Whether any letter of a secret is in the text, or in what it holds in hex."""
    in_hex = (bytes.fromhex(one.decode()) for one in _HEX.findall(text))
    return any(_SECRET.search(one) for one in (text, *in_hex))


_SECRET: Final = re.compile(rb"[QZJ]")
_HEX: Final = re.compile(rb"(?<![0-9A-Za-z])(?:[0-9A-F]{2}){4,}(?![0-9A-Za-z])")
