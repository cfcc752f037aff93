"""What the kernel's client, Samba and their tools print of keys and passwords.

A client built with CONFIG_CIFS_DEBUG_DUMP_KEYS logs the keys of each session
(generate_smb3signingkey in smb2transport.c, SMB2_sess_auth_rawntlmssp_authenticate in smb2pdu.c),
ksmbd does so with debugging of `auth`, Samba with `debug encryption`: they decrypt packets. What a
mount names as an unknown option is part of a password with a comma."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from aod.actions.mask.options import is_name

_HEX: Final = rb"[0-9a-f]{2}(?:[ :-]?[0-9a-f]{2}){1,63}(?:[ :-]?[0-9a-f])?(?![0-9a-z])"

PATTERNS: Final[tuple[tuple[tuple[bytes, ...], bytes], ...]] = (
    # `Session Key   2d 00 9f`; Samba's dump_data has `[0000] 2D 00 9F   -..`.
    (
        (b" key", b"_key"),
        rb"key(?<=[gnpth][ _]key)(?:(?<=session.key)|(?<=signing.key)|(?<=serverin.key)"
        rb"|(?<=serverout.key)|(?<=server in.key)|(?<=server out.key)|(?<=cryption.key)"
        rb"|(?<=app.key)|(?<=application.key)|(?<=preauth.key)|(?<=auth.key))[ \t]*[:=]?[ \t]*"
        rb"(\[[0-9a-f]{4,8}\][ \t]*[0-9a-f]{2} [^\n]*|(?:0x)?" + _HEX + rb")",
    ),
    # Hashes that are as good as passwords: secretsdump, smbclient --pw-nt-hash, ntlm_auth.
    (
        (b"hash", b"nt-response"),
        rb"(?:hash(?:(?<=nt.hash)|(?<=nthash)|(?<=lm.hash)|(?<=lmhash)|(?<=v2.hash)|(?<=-hash))"
        rb"(?:es)?|nt-response)[\"']?[ \t]*[:= ][ \t]*"
        rb"((?:0x)?[0-9a-f]{0,32}:?[0-9a-f]{32,48})(?![0-9a-z])",
    ),
    # Wireshark's own list of keys: session, key.
    ((b"seskey_list",), rb"seskey_list:(\S+)"),
)
_QUOTED_OPTIONS: Final = tuple(
    re.compile(
        words + rb" (?:\"([^\"\n]+)\"?|'([^'\n]+)'?|([^\s\"']+)$)(?! ignored)",
        re.MULTILINE,
    )
    for words in (
        rb"unknown (?:mount option|parameter)",
        rb"bad value for",
        rb"unexpected value for",
    )
)
_PREFIX: Final = re.compile(rb"(?:^|[\s:])([a-z0-9_-]{1,16}): $")
_PREFIX_BYTES: Final = 24
_OURS: Final = (b"cifs", b"smb3", b"cifsd", b"vfs", b"kernel", b"mount", b"failed")


def quoted_options(_: bytes, low: bytes) -> Iterator[tuple[int, int]]:
    """What a mount has refused, in the words of the kernel (`Unknown mount option` in connect.c
    before 5.11, then fs/fs_parser.c) and of mount(8), unless it is an option, or not of cifs."""
    for found in chain.from_iterable(one.finditer(low) for one in _QUOTED_OPTIONS):
        first = max(0, found.start() - _PREFIX_BYTES)
        whose = _PREFIX.search(low, first, found.start())
        kind = found.lastindex or 0
        if (not whose or whose[1] in _OURS) and not is_name(found[kind].partition(b"=")[0]):
            yield found.span(kind)
