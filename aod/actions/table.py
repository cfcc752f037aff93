"""The actions: one row each; nothing about an action stands anywhere else.

Never in this table: /proc/fs/cifs/traceSMB and cifsFYI, which change what the client does, and
`smbinfo keys`, which prints the secrets that decrypt a capture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aod.actions.action import Action, Command, Phase
from aod.actions.job import ASKING_AT_ONCE
from aod.actions.output import Keep
from aod.actions.result import Source, not_run
from aod.host.capabilities import Capability
from aod.settings import ActionName

_MIB: Final = 1 << 20


def _ours(program: str, *arguments: str) -> tuple[str, ...]:
    """The command line of one of our own programs."""
    file = Path(__file__).with_name("programs") / f"{program}.py"
    return ("{python}", "-I", "-S", str(file), *arguments)


_LOGS: Final = ("/var/log/syslog", "/var/log/messages")
_JOURNAL: Final = (
    "journalctl --no-pager --output=short-iso-precise --since=@{since} --until=@{until}"
)
_CUT: Final = (
    "{python} -I -m aod.flight.cut {packets} {trigger_ns} {from_ns} {to_ns} {headers_only} {ports}"
)

ACTIONS: Final = (
    Action(
        name=ActionName.DEBUGDATA,
        file="debugdata.log",
        about="The client's servers, sessions, shares, and requests in flight (MIDs), right after"
        " the trigger.",
        commands=(Command(("cat",), paths=("/proc/fs/cifs/DebugData",)),),
        phase=Phase.VOLATILE,
        max_bytes=8 * _MIB,
    ),
    Action(
        name=ActionName.STATS,
        file="stats.log",
        about="The client's counters of operations and failures per share, since the module was"
        " loaded; compare two bundles.",
        commands=(Command(("cat",), paths=("/proc/fs/cifs/Stats",)),),
        phase=Phase.VOLATILE,
        max_bytes=8 * _MIB,
    ),
    Action(
        name=ActionName.MOUNTS,
        file="mounts.log",
        about="Every mounted file system with its options as they are in force; the cifs ones say"
        " dialect, cache mode, sizes.",
        commands=(Command(("cat",), paths=("/proc/mounts",)),),
        max_bytes=4 * _MIB,
    ),
    Action(
        name=ActionName.CIFS,
        file="cifs.log",
        about="Open files with their leases and owners, mount parameters, DFS cache, and the cifs"
        " module's parameters and version, each under its command.",
        commands=(
            Command(("cat",), paths=("/proc/fs/cifs/open_files",)),
            Command(("cat",), paths=("/proc/fs/cifs/dfscache",)),
            Command(("cat",), paths=("/proc/fs/cifs/mount_params",)),
            Command(("grep", "-r", "", "/sys/module/cifs/parameters")),
            Command(("modinfo", "cifs")),
            Command(("cifs.upcall", "-v")),  # of the same package; mount.cifs wants rights
        ),
        phase=Phase.VOLATILE,
        max_bytes=8 * _MIB,
    ),
    Action(
        name=ActionName.SOCKETS,
        file="sockets.log",
        about="TCP connections of port 445, or capture.tcpdump.ports (retransmissions, rtt, unsent"
        " bytes in Send-Q), the network's counters since boot, and each interface's errors.",
        commands=(
            Command(("ss", "-tinoe", "( {of_ports} )")),
            Command(("nstat", "-asz")),  # without -s it writes a history file
            Command(("ip", "-s", "link")),
        ),
        phase=Phase.VOLATILE,
        max_bytes=4 * _MIB,
    ),
    Action(
        name=ActionName.STACKS,
        file="stacks.log",
        about="Where in the kernel each task in D state waits, and each thread of the cifs client;"
        " wait_for_response is a request that the server has not answered.",
        commands=(Command(_ours("stacks")),),
        privileges={
            Capability.SYS_ADMIN: "the kernel shows stacks to nobody else",
            Capability.SYS_PTRACE: "those of others' processes, and the kernel's",
            Capability.DAC_READ_SEARCH: "the file is its process's user's",
        },
        phase=Phase.VOLATILE,
        max_bytes=4 * _MIB,
    ),
    Action(
        name=ActionName.SYSTEM,
        file="system.log",
        about="The host: distribution, kernel, uptime, load, memory, pressure (PSI), and which"
        " processes used the processors in a sample.",
        commands=(
            Command(("cat",), paths=("/etc/os-release", "/usr/lib/os-release")),
            Command(("uname", "-a")),
            Command(("cat", "/proc/uptime", "/proc/loadavg")),
            Command(("grep", "-r", "", "/proc/pressure")),
            Command(("cat", "/proc/meminfo")),
            Command(_ours("busiest", "0.4")),
        ),
        privileges={Capability.SYS_PTRACE: "others' processes, where /proc hides them"},
        max_bytes=1 * _MIB,
    ),
    Action(
        name=ActionName.DMESG,
        file="dmesg.log",
        about="The kernel's messages from the look-back before the trigger on: uptime, wall-clock"
        " time, level; look for CIFS and hung tasks.",
        commands=(Command(_ours("kmsg", "{since}"), errors_are_note=True),),
        privileges={Capability.SYSLOG: "where kernel.dmesg_restrict is set"},
        phase=Phase.LATE,
        timeout_sec=10,
        max_bytes=16 * _MIB,
        keep=Keep.END,
    ),
    Action(
        name=ActionName.JOURNALCTL,
        file="journalctl.log",
        about="The system's journal from the look-back before the trigger until what follows it"
        " was over.",
        commands=(
            Command(
                tuple(_JOURNAL.split()),
                errors_are_note=True,
                nothing_text="No journal files were found",
            ),
        ),
        phase=Phase.LATE,
        timeout_sec=30,
        max_bytes=64 * _MIB,
        keep=Keep.END,
    ),
    Action(
        name=ActionName.SMBINFO,
        file="smbinfo.log",
        about="What each share's server answered when asked for its free space: that it answers at"
        " all, and how fast (duration in the manifest). Several are asked at the same time.",
        commands=(
            Command(
                ("smbinfo", "filefsfullsizeinfo"), each_mount=True, error_text=b"syscall failed"
            ),
        ),
        privileges={Capability.DAC_READ_SEARCH: "shares that only their user may enter"},
        phase=Phase.SERVER,
        floor_sec=2,
        at_once=ASKING_AT_ONCE,
        max_bytes=1 * _MIB,
    ),
    Action(
        name=ActionName.SYSLOGS,
        file="syslogs.log",
        about="The lines of the system's log file from the look-back before the trigger on; the"
        " file's last 1 MiB where its lines have no time that is known.",
        commands=(
            Command(_ours("lookback", "{since}", "{until}"), paths=_LOGS, errors_are_note=True),
        ),
        privileges={Capability.DAC_READ_SEARCH: "the file is the log daemon's"},
        phase=Phase.LATE,
        timeout_sec=10,
        max_bytes=16 * _MIB,
        keep=Keep.END,
    ),
    Action(
        name=ActionName.TCPDUMP,
        file="tcpdump.pcap",
        about="Packets of port 445 (capture.tcpdump.ports) from the history before the trigger to"
        " the end of what follows it, each once, for tcpdump -r or Wireshark (smb2.msg_id); without"
        " the content of files unless configured. Latencies are those of events.npy, not of"
        " smb2.time.",
        commands=(Command(tuple(_CUT.split()), errors_are_note=True),),
        needs=("{packets}",),
        privileges={
            Capability.NET_RAW: "tcpdump's own",
            Capability.SETUID: "it runs as its own user",
            Capability.SETGID: "and group",
            Capability.SETPCAP: "without other rights",
            Capability.CHOWN: "the ring's folder is that user's",
            Capability.DAC_OVERRIDE: "so are the files in it",
            Capability.KILL: "it is ended with the daemon",
            Capability.SYS_PTRACE: "one that outlived a capture is known by its folder",
        },
        phase=Phase.LATE,
        timeout_sec=10,
        max_bytes=64 * _MIB,
        binary=True,
    ),
    Action(
        name=ActionName.TRACE,
        file="trace.log",
        about="The client's own tracepoints until just after the trigger, on the clock of the"
        " events: each request with its command and mid (smb3_cmd_enter, _done, _err), reconnects,"
        " credits.",
        commands=(Command(("cat", "{trace}/trace")),),
        needs=("{trace}",),
        # Not volatile: to print it takes as long as all the others, and it reaches back seconds.
        max_bytes=16 * _MIB,
        keep=Keep.END,
    ),
)


def row(name: str) -> Action | None:
    """The action of that name, if it is one that can be run."""
    return next((action for action in ACTIONS if action.name == name), None)


def chosen(
    wanted: Sequence[str], allowed: frozenset[str]
) -> tuple[list[Action], tuple[Source, ...]]:
    """The wanted actions, each once, and sources that report why the others are not run.

    The names come from detect, which may ask for no more than the configuration allows."""
    actions, refused = [], []
    for name in dict.fromkeys(wanted):
        if (action := row(name)) and name in allowed:
            actions.append(action)
        else:
            why = "the configuration does not allow it" if action else "no such action"
            refused.append(not_run(name, why))
    return actions, tuple(refused)
