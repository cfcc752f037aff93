"""Every name in a text becomes its pseudonym, in the places of its kind and anywhere else."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal

from aod.bundles.redact import hexed
from aod.bundles.redact.contexts import find, split
from aod.bundles.redact.domains import Domains
from aod.bundles.redact.forms import Context
from aod.bundles.redact.kinds import PSEUDONYM_FORM, SID, Kind, Pseudonyms, ip_address, is_kept
from aod.bundles.redact.letters import lowered
from aod.bundles.redact.spellings import any_of, spellings

_IPV4: Final = rb"(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)"
# One backslash in front begins an escape, two a UNC.
_IPV6: Final = (
    rb"(?<![^\\]\\)(?<!\A\\)"
    rb"(?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4})(?![a-z0-9:])"
)
_MAC: Final = (
    rb"[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![:-]?[0-9a-f])|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}(?!-)"
)
_NUMBERS: Final = rb"(?P<mac>" + _MAC + rb")|(?P<ipv6>" + _IPV6 + rb")|(?P<ipv4>" + _IPV4 + rb")"
_ADDRESS: Final = rb"(?P<sid>" + SID + rb")|(?=[0-9a-f:]{1,4}[:.-])(?:" + _NUMBERS + rb")"
"""What all numbers begin with costs less to look for than each of them."""
_BEGIN: Final = rb"(?<![a-z0-9])"
_END: Final = rb"(?![a-z0-9])"
_ESCAPE: Final = rb"(?:\\(?:[0-3][0-7]{2}|x[0-9a-f]{2}|u[0-9a-f]{4}|[abfnrtv])|%[0-9a-f]{2})"
"""The end of one is no letter of the name behind it."""

MIN_LETTERS: Final = 3
"""A shorter name is replaced only in the places of its kind."""
MAX_BYTES: Final = 765
"""Likewise a longer one: a file's has 255 letters, of 3 bytes (MS-FSCC 2.1.5), a user's and a
host's no more. What a stranger writes behind `user=` may be as long as a log."""
MAX_WORDS: Final = 5000
"""Names that are looked for everywhere; file names beyond that only in their places."""

_ORDINARY: Final = frozenset(
    b"""
    able access account active addr address admin after all anomaly anonymous any app apps arch
    audit auth backup base before bin boot btrfs bytes cache call cat cifs cifsd client close
    cluster code command commands common con connect connection control core count cpu create cron
    data date dbus debian debug debugdata default dev device devices dfs dir directory disk dmesg
    dns docs domain done down drive driver echo end error errors etc eth0 event events ext4 failed
    fails false file files find first flags flush for free from fs fstab full get group groups
    guest hang has home homes host hosts http https hung idle info init input install interface
    internal into iocharset ioctl ipc ipv4 ipv6 is its job journal journalctl kernel key keys krb5
    kthread lan last latency lib link linux list load local localhost lock log login logon logs
    loop main man manifest master max media mem memory min mnt mode module mount mounts name net
    network new nfs node none not ntlm ntlmssp null off old open opt options out owner package
    page pam path pid pool port post pressure print proc process public python queue quota raw
    read release remote request reset root rsize run running safe samba scope sda sec self send
    server service session sessions set share shared shares shell size slow smb smb2 smb3 smbd
    smbinfo socket sockets software ssh sshd stacks start started state stats status stop storage
    store sudo summary swap sync syslog syslogs system systemd target task tasks tcp tcpdump temp
    temporary test testing tests text the thread time tmp token trace tree true type ubuntu udp
    uid umount unix unknown unmount update upload uptime url use user username users usr utf8 uuid
    var vers version vfs video vol volume wait was web with work worker workgroup write wsize xfs
    you zero
    """.split()
)
"""Words of the logs themselves: a name like one is replaced only in the places of its kind."""
_MOST_KNOWN: Final = 1 << 12
"""Of what was found, how much is not asked for again."""


_Place = tuple[int, int, Kind | Literal[""], bytes]
"""Start, negative end (of two that begin together the longer one sorts first), and the name; where
there is no kind, its pseudonym. A name's pseudonym is chosen when it is needed."""


class Redactor:
    """Replaces names in text, with the pseudonyms of one bundle.

    Args:
        words: the names to look for everywhere, as `strong` chose them."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        contexts: Sequence[Context],
        domains: Domains,
        words: Mapping[bytes, Kind],
    ) -> None:
        self.pseudonyms = pseudonyms
        self._contexts = contexts
        self._domains = domains
        self._spelled = {
            spelled: (kind, word) for word, kind in words.items() for spelled in spellings(word)
        }
        names = _ADDRESS + rb"|(?P<name>" + any_of(self._spelled) + rb")"
        # A pseudonym is passed over whole: in `host-1::` there is no address.
        wanted = rb"(?:" + names + rb"|(?P<ours>" + PSEUDONYM_FORM + rb"))" + _END
        self._anywhere = re.compile(_BEGIN + wanted)
        self._behind_escapes = re.compile(_ESCAPE + wanted)
        self._name = lru_cache(_MOST_KNOWN)(pseudonyms.name)
        self._pseudonym = lru_cache(_MOST_KNOWN)(self._chosen)

    def text(self, text: bytes, file: str = "") -> bytes:
        """The text with all its names replaced; `file` decides which places are searched."""
        small = lowered(text)
        found = [*self._in_context(small, file), *self._everywhere(self._anywhere, small)]
        if b"\\" in small or b"%" in small:
            found += self._everywhere(self._behind_escapes, small)
        found += self._in_hex(small)
        pieces, done = [], 0
        for start, end, kind, name in sorted(found):
            if start >= done:  # of places that overlap the first holds
                pieces += [text[done:start], self._name(kind, name) if kind else name]
                done = -end
        return b"".join([*pieces, text[done:]])

    def string(self, text: str) -> str:
        """A string of a JSON document, with its names replaced."""
        return self.text(b'"%b"' % text.encode(errors="replace"))[1:-1].decode(errors="replace")

    def _in_context(self, text: bytes, file: str) -> Iterator[_Place]:
        for place in (*find(text, self._contexts, file), *self._domains.find(text)):
            for name in split(place.kind, place.text):
                if not is_kept(name.kind, name.text):
                    start = place.start
                    yield start + name.start, -start - name.end, name.kind, name.text

    def _in_hex(self, text: bytes) -> Iterator[_Place]:
        for value in hexed.held(text):
            pseudonym = hexed.changed(value, self.text)
            if pseudonym.lower() != text[value.start : value.end]:
                yield value.start, -value.end, "", pseudonym

    def _everywhere(self, pattern: re.Pattern[bytes], text: bytes) -> Iterator[_Place]:
        for match in pattern.finditer(text):
            form = match.lastgroup or ""
            start, end = match.span(form)
            if form == "name":
                yield start, -end, *self._spelled[match[form]]
            elif (pseudonym := self._pseudonym(form, match[form])) is not None:
                yield start, -end, "", pseudonym

    def _chosen(self, form: str, found: bytes) -> bytes | None:
        """What becomes of what was found in a form (the name of a group); None: it stays."""
        if form == "sid":
            sid = self.pseudonyms.sid(found)
            return None if sid == found else sid
        if form == "mac":
            separator = found[2:3].decode()
            mac = self.pseudonyms.mac(bytes.fromhex(found.decode().replace(separator, "")))
            return mac.hex(separator).encode()
        if form == "ipv4":
            found = b".".join(b"%d" % int(part) for part in found.split(b"."))
        elif form == "ours" or not _may_be_ipv6(found):
            return None
        if (address := ip_address(found)) is None:
            return None
        pseudonym = self.pseudonyms.address(address)
        return None if pseudonym == address.compressed.encode() else pseudonym


def _may_be_ipv6(text: bytes) -> bool:
    """Not a time of day, and not `a::b` of a program's source."""
    has_digit = any(byte in b"0123456789" for byte in text)
    return (b"::" in text or text.count(b":") == 7) and (has_digit or text.count(b":") > 2)


def strong(names: Mapping[bytes, Kind]) -> dict[bytes, Kind]:
    """The names that are looked for everywhere: no ordinary words, none too long, not too many."""
    chosen = [
        (word, kind)
        for word, kind in names.items()
        if MIN_LETTERS <= len(word) <= MAX_BYTES
        and word not in _ORDINARY
        and not word.isdigit()
        and kind is not Kind.MOUNTS
    ]
    return dict(sorted(chosen, key=lambda one: list(Kind).index(one[1]))[:MAX_WORDS])
