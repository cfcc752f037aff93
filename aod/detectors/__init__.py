"""What is declared, from records to anomalies; and all that a detector of your own imports.

api                         what an anomaly type is (Settings), and its Rule, Frame and Findings
latency, error, connection  the built-in types
lists                       names in the lists of an anomaly
registry                    the installed types, by entry point
trial                       tries a type's code when a configuration is loaded
window                      the sliding window, triggers and episodes of one rule
renewal                     sessions that expire and are renewed at once
hung                        operations that were declared while they hung
describe                    records and declarations in words
detector                    all rules together, and the anomalies of one incident"""

from aod.detectors.api import Finding, Frame, Rule, Settings, finished
from aod.detectors.lists import CODES, COMMANDS, list_faults
from aod.event import CONNECTION, IN_FLIGHT, UNANSWERED, Events
from aod.kernel.thresholds import Mask, never
from aod.kernel.thresholds import Thresholds as Knobs
from aod.smb.commands import Command, ConnectionEvent

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
