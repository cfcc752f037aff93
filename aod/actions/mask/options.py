"""The mount options of cifs: what follows a password and is none of them belongs to it.

A password may hold commas, which must be doubled; who forgets that has the kernel refuse a part of
the password as an unknown option, and the whole of it in each log that quotes the command line."""

from typing import Final

_FLAGS: Final = """
_netdev acl atime auto bg blocksendable brl cifsacl compress defaults dev dfs diratime direct
directio domainauto dynperm exec fg forcedirectio forcegid forcemand forcemandatorylock forceuid
fsc group guest handlecache hard idsfromsid ignore_signature ignorecase intr iversion lazytime
linux locallease lock loud mand mapchars mapposix mfsymlinks modefromsid modesid mount move
multichannel multiuser noac noautotune noblocksend nocase nofail nodelete nolease nosharesock
nativesocket nosparse owner perm persistenthandles posix posixpaths rdma relatime remount
resilienthandles ro rootfs rw rwpidforward seal serverino setuidfromacl setuids sfu sign signloosely
silent sloppy soft sparse strictatime strictcache strictsync suid swapfile sync async tcpnodelay
transform unicode unix user user_xattr users wide witness xattr bind rbind private shared slave
unbindable dirsync
"""
_VALUED: Final = """
acdirmax acregmax actimeo addr backupgid backupuid bsize cache cifsacl closetimeo codepage
compression context cred credentials cruid defcontext dfscache dir_mode dirmode dmask dom domain
echo_interval esize file_mode fmask fscontext fstype gid guid handletimeout helper iocharset ip
max_cached_dirs max_channels max_credits min_enc_offload mode name netbiosname
offset pass pass2 passwd password password2 port prefixpath prepath rasize
reparse retrans rootcontext rsize sec servern servernetbiosname setuid snapshot sockopt source
srcaddr symlink symlinkroot target tcp_nodelay timeout uid unc unicodedata upcall_target user
username ver vers workgroup wrkgrp wsize xprtsec
"""
_SYSTEMD: Final = "x-systemd. x-gvfs- x-mount. x-initrd. comment"

KNOWN: Final = frozenset(
    name.encode() for one in _FLAGS.split() for name in (one, f"no{one}")
) | frozenset(f"{one}=".encode() for one in _VALUED.split())
"""mount.cifs (parse_opt_token), the kernel (smb3_fs_parameters in fs_context.c; before 5.11
cifs_mount_option_tokens in connect.c; 4.18 to 7.x), mount(8). Flags also with `no`, as half of them
have it: an option that does not exist is no harm here."""
_BEGINNINGS: Final = tuple(one.encode() for one in _SYSTEMD.split())


def is_known(part: bytes) -> bool:
    """Whether this part of an option list, in lower case, is a mount option."""
    name = part[: part.find(b"=") + 1] or part
    return name in KNOWN or name.startswith(_BEGINNINGS)


def is_name(word: bytes) -> bool:
    """Whether an option is called so, with a value or without."""
    return word in KNOWN or word + b"=" in KNOWN
