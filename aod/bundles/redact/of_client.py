r"""Where the kernel's client says names: mount tables, /proc/fs/cifs, its messages and tracepoints.

Sources: fs/smb/client/ cifs_debug.c (DebugData, Stats, open_files), cifsfs.c (cifs_show_options,
cifs_show_devname: between 5.12 and 5.13 it escaped no blanks), cifs_spnego.c, cifs_swn.c,
connect.c, dfs_cache.c, dns_resolve.c, trace.h; proc(5)."""

import re
from typing import Final

from aod.bundles.redact.forms import (
    HOST,
    LONG_UNC,
    OF_UNC,
    UNC,
    VALUE,
    Context,
    after,
    each,
    lines,
    unc,
    values,
)
from aod.bundles.redact.kinds import Kind
from aod.bundles.redact.spellings import SEPARATOR

_DEBUGDATA: Final = ("debugdata.log",)
_CIFS: Final = ("cifs.log",)
_TRACE: Final = ("trace.log",)
_LOGIN: Final = rb"(?:([^\s/@:]+)(?::[^\s/@]*)?@)?"
_WITHIN: Final = rb"[a-z0-9_.$\\\x80-\xff]"
r"""In front of it two backslashes begin no UNC: `DOMAIN\\user` in JSON."""
_BEGIN: Final = rb"(?:\\{2,4}|//)"
_NAME: Final = rb"([^\\\n]{1,765})"
"""At most: a host's takes 255 letters, a share's 80, a file's 255 (MS-FSCC 2.1.5), of 3 bytes."""
_GUID: Final = rb"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_HEX_COLUMNS: Final = rb"^0x[0-9a-f]+ 0x[0-9a-f]+ (?:0x[0-9a-f]+ )+\d+ \d+ \d+ "


def open_files(columns: int | None) -> Context:
    """Of open_files: behind the name come so many columns, a lease and a mid, as the kernel was
    built; where its heading is not known, whatever looks like them."""
    any_of_them = rb"(.+?)(?: \d+| 0x[0-9a-f]+| [rwhcn()|]+| none)*$"
    behind = any_of_them if columns is None else rb"(.+)(?: \S+){%d}$" % columns
    return lines(b"0x", _HEX_COLUMNS + behind, Kind.FILES)


OPEN_FILES_HEADING: Final = re.compile(rb"^# .*<filename>((?: <[^>\n]+>)*)$", re.MULTILINE)

_UNCS: Final = (
    after(b"\\\\", rb"(?:(?<!%b\\\\)|(?<=\\[nrt]\\\\))\\*" % _WITHIN + UNC + rb"?", *OF_UNC),
    after(b"//", rb"(?:(?<=[\s\"'=(,\[<]//)|(?<=\A//)|(?<=[\s\"']://))" + UNC, *OF_UNC),
    lines(b'"', rb"\"" + _BEGIN + LONG_UNC + rb"\"", *OF_UNC),
    lines(b"'", rb"'" + _BEGIN + unc(rb"\n*?\"'<>|") + rb"'", *OF_UNC),
    after(b"://", rb"(?:(?<=smb://)|(?<=cifs://))" + _LOGIN + UNC + rb"?", Kind.USERS, *OF_UNC),
    *each((b"attempting to mount ", b"bad_network_name: "), SEPARATOR + LONG_UNC, *OF_UNC),
    *each((b"unc=", b"source="), rb"[\"']?" + SEPARATOR + UNC, *OF_UNC),
    after(b"unc_name=", SEPARATOR + LONG_UNC + rb" rc=", *OF_UNC, files=_TRACE),
    after(b"full", rb" ?path: " + SEPARATOR + LONG_UNC, *OF_UNC, files=_DEBUGDATA),
)
_MOUNT_TABLES: Final = tuple(
    lines(hint, form, *OF_UNC, Kind.MOUNTS)
    for name in (b"cifs", b"smb3")
    for hint, form in (
        (b" %b " % name, rb"^(?:\\\\|//)" + LONG_UNC + rb"[ \t]+/(\S*)[ \t]+%b[ \t]" % name),
        (b" type %b " % name, rb"(?<!\S)//" + LONG_UNC + rb" on /(.{1,4096}?) type %b " % name),
    )
)
_DFS: Final = (
    after(
        b"path=\\",
        rb"%b\\%b((?:\\[^\\\n]{1,765}?){0,64}),type=" % (_NAME, _NAME),
        *OF_UNC,
        files=_CIFS,
    ),
    lines(
        b"\\",
        rb"^[ \t]+\\([^\\\n]+)\\([^\\\n]+?)((?:\\[^\\\n]+?)*)(?: \(target hint\))?$",
        *OF_UNC,
        files=_CIFS,
    ),
)

PLACES: Final[tuple[Context, ...]] = (
    lines(b" mounts: ", rb"\\\\%b\\%b mounts: \d" % (_NAME, _NAME), Kind.HOSTS, Kind.SHARES),
    *_UNCS,
    *_MOUNT_TABLES,
    *_DFS,
    after(b"path=", rb"(\\?[^\n]+)$", Kind.FILES, files=_TRACE),
    after(b"dom", rb"(?<![a-z]dom)(?:ain)?=" + VALUE, Kind.DOMAINS, Kind.DOMAINS),
    *values((b"workgroup=",), Kind.DOMAINS),
    *values((b"netbiosname=",), Kind.HOSTS),
    *values((b"prefixpath=",), Kind.FILES),
    after(b"server", rb"(?:n?=|name: )" + HOST, Kind.HOSTS),
    after(b"host", rb"(?:(?:name)?(?:=[\"']?|\\*\": ?\\*\"?)|name: )" + HOST, Kind.HOSTS),
    *each((b"addr=", b"ip="), HOST, Kind.HOSTS),
    after(b"domain: ", rb"(\S+)", Kind.DOMAINS, files=_DEBUGDATA),
    after(b") name: ", HOST, Kind.HOSTS, files=_DEBUGDATA),
    after(b"network name: '", rb"([^'\n]+)'", Kind.HOSTS, files=_DEBUGDATA),
    after(b"share name: '", rb"([^'\n]+)'", Kind.SHARES, files=_DEBUGDATA),
    after(b"slow responses from ", HOST + rb" for", Kind.HOSTS),
    after(b"guid", rb"[:= \"']+" + _GUID, Kind.GUIDS),
    after(b"dns_resolver;", rb"(?:[0-9a-f]+;){3}(?:[a-z]+:)?" + HOST, Kind.HOSTS),
)
