r"""Where programs say names in the logs: logons, Kerberos, name resolution, automounts, volumes.

Sources: cifs-utils 7.0 (cifs.upcall, mount.cifs), keyutils' key.dns_resolver, sshd, sudo, su, cron,
login, pam, systemd-logind, auditd, Samba's smbd and winbindd, sssd's krb5_child, autofs, gvfs,
NetworkManager, Go's resolver, the volumes of csi-driver-smb and azurefile-csi-driver."""

from typing import Final

from aod.bundles.redact.forms import (
    DOMAIN,
    HOST,
    USER,
    VALUE,
    Context,
    after,
    each,
    either,
    lines,
    values,
)
from aod.bundles.redact.kinds import Kind

_LOGS: Final = ("journalctl.log", "syslogs.log")
_NO_OCTAL: Final = rb"(?!0[0-3][0-7])"
"""rsyslog writes a line's end as #012."""


def _behind(*words: bytes) -> bytes:
    """Only where one of these ends here: a form is looked for by what few texts have."""
    return rb"(?:%b)" % b"|".join(rb"(?<=%b)" % word for word in words)


_BEFORE_USER: Final = (b"for", b"of", b"by", b"from", b"invalid", b"authenticating")
_OF_TICKETS: Final = (b"service ticket", b"get credentials", b"make ap-req", b"get session key")
"""What cifs.upcall wants for a host."""
_USERS: Final = (
    after(b"user", rb"(?:name)?(?:=|\\*\": ?)" + VALUE, Kind.USERS, Kind.USERS),
    after(
        b"user ",
        either(
            rb"'([^'\n]{1,256})'",
            rb"\[([^\]\n]{0,256}(?:\]\\+\[[^\]\n]{1,256})?)\]",
            _behind(*(b"%b user " % one for one in _BEFORE_USER)) + USER,
            rb"slice of (?!uid )" + USER,
            USER + rb" from \S+ not allowed",
        ),
        *5 * (Kind.USERS,),
    ),
    after(
        b" for ",
        either(
            rb"(?:invalid user )?" + USER + rb" from \S+ port ",
            _behind(b"kinit for ") + USER,
            _behind(*(b"%b for " % one for one in _OF_TICKETS)) + rb"(?:[a-z]+/)?" + HOST,
        ),
        Kind.USERS,
        Kind.USERS,
        Kind.HOSTS,
    ),
    after(b'id="', _behind(b'uid="', b'gid="') + rb"([^\"\n]+)\"", Kind.USERS),
    after(b"uid=", rb"\d+\(([^)\s]+)\)", Kind.USERS),
    *values((b"logname=", b"acct=", b"unix-user:"), Kind.USERS),
    after(b"authorized to ", USER + rb", krb5 principal", Kind.USERS),
    after(b"getpwnam ", USER, Kind.USERS),
    after(b"sudo", rb"(?:\[\d+\])?: +" + USER + rb" : ", Kind.USERS),
    after(b"initially as user ", USER, Kind.USERS),
    after(b"password changed for ", USER, Kind.USERS),
    after(b" -u ", rb"'?([^\s%'\"]{1,256})%(?=\*\*\*)", Kind.USERS),
    after(b"entry for '", rb"([^\s'@]+@[^\s'@]+)'", Kind.USERS),
    after(b"authentication failed for ", rb"([^\s'@]+@[^\s'@,;]+)", Kind.USERS),
    after(b"/krb5cc_", rb"(?!\d)([^\s/\"':;,)\]>]+)", Kind.USERS),
    after(
        b"]: (",
        rb"([^)\s]+)\) (?:cmd|cmdout|list|replace|reload|begin|end|error)\b",
        Kind.USERS,
    ),
    after(b"(to ", rb"([^)\s]+)\) " + USER + rb" on ", Kind.USERS, Kind.USERS),
    after(b"login on ", rb"\S+ by " + USER, Kind.USERS),
    after(b"/home/", rb"([^\s/\"':;,)\]>]+)", Kind.USERS),
    *each((b"principal ", b"client "), rb"'?([^\s'\"]+@[^\s'\",;)]+)", Kind.USERS),
    after(b"krbtgt/", DOMAIN, Kind.DOMAINS),
)
_HOSTS: Final = (
    after(
        b"resolve",
        either(
            rb"d:? ([^\s@]+@\S+) to ",
            rb"d: " + HOST + rb" to ",
            rb" hostname: " + HOST,
            rb" (?:address for |host:? )" + HOST + rb"[:;]",
            _behind(b"unable to resolve") + rb": " + HOST,
            rb" " + HOST + rb"(?: to ipaddr| to fqdn|: rc)",
        ),
        Kind.USERS,
        *5 * (Kind.HOSTS,),
    ),
    after(b"could not resolve host: ", HOST, Kind.HOSTS),
    after(b"): could not connect to ", HOST, Kind.HOSTS),
    after(b"found for connection to server ", HOST, Kind.HOSTS),
    after(b"workstation", rb"(?:=| \[)" + VALUE, Kind.HOSTS, Kind.HOSTS),
    after(b"suitable address for ", HOST, Kind.HOSTS),
    after(b"hostname ", rb"(?:set to <?|changed to ')" + HOST, Kind.HOSTS),
    after(b"samba name server ", HOST, Kind.HOSTS),
    after(b"checking getaddrinfo for ", HOST + rb" \[", Kind.HOSTS),
    after(b" to service ", rb"(\S+) initially as user ", Kind.SHARES),
    after(b"closed connection to service ", rb"(\S+)", Kind.SHARES),
    after(b"sssd_be[be[", rb"([^\s\]]+)\]", Kind.DOMAINS),
    after(b"sssd[be[", rb"([^\s\]]+)\]", Kind.DOMAINS),
    after(b"joined domain ", DOMAIN, Kind.DOMAINS),
    after(b"dns query of ", rb"\S+ type for:'([^'\n]+)'", Kind.HOSTS),
    after(b"lookup ", HOST + rb"(?: on [0-9\[]|: no such host)", Kind.HOSTS),
    after(b"host_name => '", rb"([^'\n]+)'", Kind.HOSTS),
    after(b"domain_name => '", rb"([^'\n]+)'", Kind.DOMAINS),
    lines(
        b":",
        rb"^(?:\d{4}-\d\d-\d\dt\S+|[a-z]{3} [ \d]\d \d\d:\d\d:\d\d) ([^\s\[\]:]+) ",
        Kind.HOSTS,
        files=_LOGS,
    ),
)
_VOLUMES: Final = (
    *each((b"mount entry ", b"expired "), rb"/(\S+)", Kind.MOUNTS),
    after(b"): looking up ", rb"(\S+)$", Kind.FILES),
    after(b", mountpoint ", rb"([^\s,]+),", Kind.FILES),
    *each((b" type cifs on ", b" type smb3 on "), rb"/(\S+)", Kind.MOUNTS),
    lines(b" -fstype=", rb"(?<!\S)([^\s:]+)\s+-fstype=[^\s]*\b(?:cifs|smb3)\b", Kind.FILES),
    after(b"share=", rb"([^\s,;\"']+)", Kind.SHARES),
    lines(
        b"#",
        rb"(?<![a-z0-9_.()-])([a-z0-9_.()-]{1,90})#%(not)b([a-z0-9]{3,24})"
        rb"#%(not)b([a-z0-9-]{3,63})#%(not)b([a-z0-9_.-]*)" % {b"not": _NO_OCTAL},
        Kind.DOMAINS,
        Kind.HOSTS,
        Kind.SHARES,
        Kind.FILES,
    ),
    lines(
        b"#",
        rb"(?<![a-z0-9_./#:-])([a-z0-9_][a-z0-9_.-]{0,254})/([^\s/#\"']{1,80})"
        rb"((?:/[^\s/#\"']{1,255}){0,8})#[^#\s\"']{0,255}#",
        Kind.HOSTS,
        Kind.SHARES,
        Kind.FILES,
    ),
)

PLACES: Final[tuple[Context, ...]] = (*_USERS, *_HOSTS, *_VOLUMES)
