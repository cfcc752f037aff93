r"""Secrets at a place or of a form: behind `user%`, in a header, the second word of smbclient.

Each pattern begins with the letters that are seldom there, so that a search for them is fast; what
stands before is looked at behind them. What is open at its end has a limit, or cannot begin within
itself: else the time would grow with the square of a line, and a log could hold up all captures."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from aod.actions.mask import clients, named, values
from aod.actions.mask.named import PROSE
from aod.actions.mask.values import QUOTED, Around

Find = Callable[[bytes, bytes], Iterator[tuple[int, int]]]


class Rule(NamedTuple):
    """How some secrets are found; all that is lower case."""

    words: tuple[bytes, ...]
    """One of these is in every line that holds such a secret."""
    find: Find


_GAP: Final = rb"(?:[ \t\0]+|[\"'],[ \t]*(?=[\"']))"
_ARGUMENT: Final = rb"(?:" + QUOTED + rb"|[^\s\0\"']++)"
_USER_OPTION: Final = re.compile(
    rb"-u(?<![^\s\0\"',(\[-]-u)(?:ser(?:name)?)?(?:[\"'],[ \t]*)?[ \t\0=]*[\"']?"
    rb"([^\s\0%,\"'=]{1,256})%(?=[^\s\0,])"
)
_USER_OF_MOUNT: Final = re.compile(
    rb"user(?<![a-z0-9]user)(?:name)?=[\"']?[^\s\0%,\"'=]{1,256}%(?=[^\s\0,\"'])"
)
_TWO_EQUALS: Final = (
    b"==", b"\\=\\=", b"\\=\\\\=", b"3d\\u003d", b"3d\\x3d", b"\\075\\075", b"#61;&#61;", b"%3d%3d"
)  # fmt: skip
_STORAGE_KEY: Final = re.compile(rb"==(?<=[a-z0-9+/]{86}==)(?![a-z0-9+/=])")
_STORAGE_KEY_LETTERS: Final = 86
_SHORT_KEY: Final = re.compile(rb"=(?<=[a-z0-9+/]{43}=)(?!=)")
_SHORT_KEY_LETTERS: Final = 43
_CALLED_KEY: Final = re.compile(rb"(?:key|sig)[a-z0-9_]{0,16}[\"']?[ \t]*[:=, \t][\"' \t]{0,3}$")
_NAME_BYTES: Final = 48
_HASHES: Final = re.compile(rb":(?<=[0-9a-f]{32}:)(?=[0-9a-f]{32}(?![0-9a-f]))")
_HASH_LETTERS: Final = 32
_PIPED: Final = re.compile(
    rb"\|[ \t]*(?:sudo[ \t]+(?:-[a-z]+[ \t]+)*-s\b|(?:sudo[ \t]+)?(?:/[a-z/]{1,64}/)?"
    rb"\(?(?:kinit|chpasswd|smbpasswd|passwd|mount\.cifs|cifscreds|keyctl|smbclient|net|docker"
    rb"|realm|adcli|samba-tool|pdbedit|cryptsetup|gio)\b)"
)
_PRINTED: Final = re.compile(rb"(?:echo|printf)[ \t]+(?:-[a-z]+[ \t]+)*(?=\S)")
_PRINTED_IN_GROUP: Final = re.compile(
    rb"(?:echo|printf)[ \t]+(?:-[a-z]+[ \t]+)*(" + QUOTED + rb"|[^\s;&|)}][^;&|)}\n]*)"
)
_LOOK_BACK_BYTES: Final = 1 << 10


def _values(pattern: re.Pattern[bytes], _: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    for found in pattern.finditer(low):
        yield found.span(found.lastindex or 0)


def _rule(words: tuple[bytes, ...], pattern: bytes) -> Rule:
    """Whose value is the pattern's group."""
    return Rule(words, partial(_values, re.compile(pattern)))


def _after(words: tuple[bytes, ...], pattern: bytes) -> Rule:
    """The same, only behind the name of a program in its line."""
    names = re.compile(b"|".join(words))
    return Rule(words, partial(_values_after, names, re.compile(pattern)))


def _values_after(
    names: re.Pattern[bytes], pattern: re.Pattern[bytes], _: bytes, low: bytes
) -> Iterator[tuple[int, int]]:
    at = 0
    while found := names.search(low, at):
        end = low.find(b"\n", found.end())
        at = len(low) if end < 0 else end
        for value in pattern.finditer(low, found.end(), at):
            yield value.span(value.lastindex or 0)


def _users(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    """smbclient -U user%x, mount -o user=name%x."""
    at = 0
    while found := _USER_OPTION.search(low, at):
        at = max(found.end(), values.inside(low, found.end(), Around(low, found.start(1))))
        if at > found.end():
            yield found.end(), at
    at = listed = 0
    while found := _USER_OF_MOUNT.search(low, at):
        around = Around(low, found.end())
        at = max(found.end(), values.option(low, found.end(), around))
        yield found.end(), at
        if found.start() >= listed:  # each list once
            listed = values.options(low, at, around)
            yield from values.unknown_parts(low, at, listed)


def _json_web_tokens(text: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    for found in _TOKEN.finditer(low):
        if text.startswith(b"eyJ", found.start()):
            yield found.span()


_TOKEN: Final = re.compile(rb"eyj(?<![a-z0-9_]eyj)(?=[a-z0-9_-]{8,1024}+\.)[a-z0-9_.-]+")


def _storage_keys(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    for found in _STORAGE_KEY.finditer(low):
        start = found.start() - _STORAGE_KEY_LETTERS
        if not start or not (low[start - 1 : start].isalnum() or low[start - 1] in b"+/"):
            yield start, found.end()


def _short_keys(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    """256 bits, where it says that they are a key or a signature."""
    for found in _SHORT_KEY.finditer(low):
        start = found.start() - _SHORT_KEY_LETTERS
        if _CALLED_KEY.search(low, max(0, start - _NAME_BYTES), start):
            yield start, found.end()


def _hashes(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    """LM and NT, as good as passwords: smbpasswd, pdbedit -w."""
    for found in _HASHES.finditer(low):
        yield found.start() - _HASH_LETTERS, found.end() + _HASH_LETTERS


def _piped(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    """echo x | kinit."""
    for pipe in _PIPED.finditer(low):
        first = max(0, pipe.start() - _LOOK_BACK_BYTES)
        first = max(low.rfind(one, first, pipe.start()) + 1 for one in (b"\n", b"|", b";", b"&&"))
        if low[first : pipe.start()].rstrip().endswith((b")", b"}")):
            yield from _grouped(low, pipe.start())
            continue
        for found in _PRINTED.finditer(low, first, pipe.start()):
            yield found.end(), found.end() + len(low[found.end() : pipe.start()].rstrip())
            break


def _grouped(low: bytes, end: int) -> Iterator[tuple[int, int]]:
    """(echo x; echo x) | smbpasswd -s."""
    first = max(0, end - _LOOK_BACK_BYTES)
    first = max(low.rfind(b"\n", first, end) + 1, low.rfind(b"(", first, end) + 1, first)
    for found in _PRINTED_IN_GROUP.finditer(low, first, end):
        yield found.span(1)


def _here_strings(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    """cifscreds add -u user host <<< x."""
    for found in _HERE_STRING.finditer(low):
        first = max(0, found.start() - _LOOK_BACK_BYTES)
        first = low.rfind(b"\n", first, found.start()) + 1 or first
        if _TAKES_SECRETS.search(low, first, found.start()):
            yield found.span(1)


_HERE_STRING: Final = re.compile(rb"<<<[ \t]*(" + _ARGUMENT + rb")")
_TAKES_SECRETS: Final = re.compile(
    rb"cifscreds|chpasswd|keyctl|smbpasswd|kinit|mount\.cifs|passwd|smbclient|openssl|sudo"
    rb"|realm|adcli|gio|cryptsetup|samba-tool"
)


def _second_words(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    for found in _SMBCLIENT.finditer(low):
        if not PROSE.match(low, found.start(1)):
            yield found.span(1)


_SMBCLIENT: Final = re.compile(
    rb"smbclient(?=[ \t\0])[^\n|;&/\\]{0,256}[ \t\0\"'](?://|\\\\)[^\s\0\"']+[\"']?[ \t\0]+"
    rb"(?![-|;&<>)])(" + _ARGUMENT + rb")"
)

RULES: Final = (
    Rule(named.WORDS, named.find),
    Rule((b"%",), _users),
    # curl -u user:x; sshpass -px; mysql -px, but not mysql -p database: wherever in their lines.
    _after(
        (b"curl",),
        rb"-(?<=[ \t\0]-)(?:[fgiklns]{0,8}u|-user|-proxy-user)[ \t\0=]*"
        rb"(?:\"[^\n\0:\"]{1,256}:([^\n\0\"]+)|'[^\n\0:']{1,256}:([^\n\0']+)"
        rb"|[^\s\0:\"']{1,256}:([^\s\0\"']+))",
    ),
    _rule((b"sshpass",), rb"sshpass[ \t\0]+-p[ \t\0]*(" + _ARGUMENT + rb")"),
    _after((b"mysql",), rb"-p(?<=[ \t\0]-p)(" + _ARGUMENT + rb")"),
    _after((b"mariadb",), rb"-p(?<=[ \t\0]-p)(" + _ARGUMENT + rb")"),
    _after(
        (b"ldapsearch", b"ldapmodify", b"ldapadd", b"ldapdelete", b"ldapwhoami", b"ldappasswd"),
        rb"-w(?<=[ \t\0\"']-w)(?:" + _GAP + rb")?[\"']?(" + _ARGUMENT + rb")",
    ),
    # wbinfo -a user%x, --authenticate=user%x, --krb5auth=user%x, --pam-logon=user%x.
    _after((b"wbinfo",), rb"%(?<=[a-z0-9_$.@-]%)(" + _ARGUMENT + rb")"),
    # What opens an account of its own: sssd.conf's, kubeconfig's; hashes of crypt(5).
    _rule((b"authtok",), rb"authtok[ \t]*=[ \t]*+([^\s][^\n]*+)"),
    _rule((b"key-data",), rb"key-data[\"']?[ \t]*[:=][ \t]*[\"']?([a-z0-9+/=]+)"),
    _rule(
        (b"$1$", b"$2", b"$5$", b"$6$", b"$7$", b"$y$", b"$gy$"),
        rb"(\$(?:[1567]|g?y|2[abxy])\$[a-z0-9./$=,]{20,256})",
    ),
    # HTTP headers, tokens that are known by their form, signatures in links, users of links.
    _rule(
        (b"authorization",),
        rb"authorization[\"']?[ \t]*[:=][ \t]*\[?[\"']?"
        rb"(?:bearer|basic|digest|negotiate|ntlm|token|sharedkey|aws4)[a-z0-9-]*[ \t]+"
        rb"([^\n\"']+)",
    ),
    _rule(
        (b"token", b"key"),
        rb"x-(?<![a-z0-9_-]x-)[a-z-]{0,64}?(?:token|key)[ \t]*:[ \t]*([^\n\"']+)",
    ),
    _rule((b"cookie",), rb"cookie(?<![a-z0-9_]cookie)[ \t]*:[ \t]*([^\n\"']+)"),
    _rule((b"bearer",), rb"bearer(?<![a-z0-9_]bearer)[ \t]+([a-z0-9._~+/=-]{16,})"),
    _rule(
        (b'auth"', b"auth\\", b"auth&q"),
        rb"auth(?<=[\"']auth)[\"'][ \t]*:[ \t]*[\"']([a-z0-9+/=]{8,})",
    ),
    Rule((b"eyj",), _json_web_tokens),
    # Shared access signatures: in a link of any length; elsewhere `sig=` is a signal's number, too.
    _rule(
        (b"sig",),
        rb"sig=(?<![a-z0-9]sig=)((?<=[?&]sig=)[^&\s\0\"',;\\]+|[^&\s\0\"',;\\]{16,})",
    ),
    _rule((b"@",), rb"//[^/\s\0:@,]*:([^/\s\0]+)(?=@)"),
    Rule(_TWO_EQUALS, _storage_keys),
    Rule((b"key", b"sig"), _short_keys),
    Rule((b":::", b"hashes", b":[u"), _hashes),
    _rule(
        (b"password",),
        rb"password for (?:user )?[\"'\[]?[^\s:]{1,64}[\"'\]]?:[ \t]+(" + _ARGUMENT + rb")",
    ),
    # What programs are given as a word or on their input.
    _rule(
        (b"keyctl",),
        rb"keyctl[\"']?" + _GAP + rb"[\"']?(?:add" + _GAP + _ARGUMENT + _GAP + _ARGUMENT
        + rb"|(?:update|instantiate)" + _GAP + _ARGUMENT + rb")" + _GAP + rb"(" + _ARGUMENT + rb")",
    ),
    Rule((b"<<<",), _here_strings),
    Rule((b"echo", b"printf"), _piped),
    Rule((b"smbclient",), _second_words),
    *(_rule(words, pattern) for words, pattern in clients.PATTERNS),
    Rule((b"unknown", b"bad value", b"unexpected value"), clients.quoted_options),
)  # fmt: skip
WORDS: Final = tuple(dict.fromkeys(word for rule in RULES for word in rule.words))
