"""What a detector of your own needs, from here: USAGE.md shows one in a package of its own."""

from aod.detectors.api import Finding, Frame, Rule, Settings, finished
from aod.detectors.lists import CODES, COMMANDS, list_faults
from aod.event import CONNECTION, IN_FLIGHT, UNANSWERED, Events
from aod.kernel.thresholds import Mask, never
from aod.kernel.thresholds import Thresholds as Knobs
from aod.smb.commands import Command
from aod.smb.connection import ConnectionEvent

__all__ = [
    "CODES",
    "COMMANDS",
    "CONNECTION",
    "IN_FLIGHT",
    "UNANSWERED",
    "Command",
    "ConnectionEvent",
    "Events",
    "Finding",
    "Frame",
    "Knobs",
    "Mask",
    "Rule",
    "Settings",
    "finished",
    "list_faults",
    "never",
]
