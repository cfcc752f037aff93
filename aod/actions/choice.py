"""Which rows are run for an anomaly, and what is said of the others."""

from collections.abc import Sequence

from aod.actions.table import Action, row
from aod.bundles import manifest
from aod.bundles.manifest import Source, Status


def chosen(
    wanted: Sequence[str], allowed: frozenset[str]
) -> tuple[list[Action], tuple[Source, ...]]:
    """The rows of the wanted actions, each once, and what to say about the others.

    The names come from detect, which is not trusted with more than the configuration allows.
    """
    actions, refused = [], []
    for name in dict.fromkeys(wanted):
        action = row(name)
        if action is None or name not in allowed:
            note = "no such action" if action is None else "the configuration does not give it this"
            refused.append(not_collected(name, note))
        else:
            actions.append(action)
    return actions, tuple(refused)


def not_collected(name: str, note: str) -> Source:
    """An action that was not run, and why."""
    return manifest.not_run(name, "", (), Status.MISSING, note)
