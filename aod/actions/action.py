"""What an action is made of."""

from enum import Enum

from msgspec import Struct

from aod.actions.output import Keep
from aod.host.capabilities import Capability
from aod.settings import ActionName


class Phase(Enum):
    """When an action begins; see `aod.actions.runner`."""

    VOLATILE = "volatile"
    """At once: it shows how things are now."""
    STEADY = "steady"
    """After the volatile ones: it will not look different in a second."""
    SERVER = "server"
    """After the steady ones: it asks the share, and so adds to what the others show."""
    LATE = "late"
    """When what follows the trigger is over: it looks back."""


class Command(Struct, frozen=True):
    """What is run for an action; placeholders such as `{since}` are `aod.actions.resolve`'s."""

    argv: tuple[str, ...]
    paths: tuple[str, ...] = ()
    """The first of them that exists is the last argument; where none does, nothing is run."""
    each_mount: bool = False
    """Run once per cifs file system, with its mount point as the last argument."""
    error_text: bytes = b""
    """Output that starts like this is an error, whatever the exit status."""
    errors_are_note: bool = False
    """What it says on standard error is about its output, and becomes the source's note."""
    nothing_text: str = ""
    """Where its standard error has this, there is nothing of it on this host."""


class Action(Struct, frozen=True, kw_only=True):
    """A row: what is run, and how much of it is taken. The configuration may allow less."""

    name: ActionName
    file: str
    """Its file in the bundle."""
    about: str
    """What the file is and how to read it, for the reader of a bundle."""
    commands: tuple[Command, ...]
    """In this order; where they are several, each has a heading in the file."""
    needs: tuple[str, ...] = ()
    """Files and folders without which none of them is run."""
    privileges: dict[Capability, str] = {}
    """And why it needs each; beyond what any process of root's may do: capture has no others."""
    phase: Phase = Phase.STEADY
    timeout_sec: float = 5
    """For all its commands together."""
    floor_sec: float = 0
    """Each command has that much at least; those for which it is not left are not run."""
    at_once: int = 1
    """How many of its commands run at the same time."""
    max_bytes: int
    keep: Keep = Keep.START
    binary: bool = False
    """Not text: nothing is masked in it, and nothing of ours is written between."""

    @property
    def has_headings(self) -> bool:
        return len(self.commands) > 1 or any(command.each_mount for command in self.commands)
