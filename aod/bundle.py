"""From an anomaly to its sealed bundle: `aod_<timestamp>/`, filled, packed, renamed into place.

A maker owns nothing between two bundles. Killed at any moment, it leaves either the sealed archive
or a folder that is found, removed and made again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aod import archive, contents, history, manifest, names, summary
from aod.actions import runner
from aod.actions.output import Budget
from aod.actions.resolve import Scope, Situation
from aod.actions.source import Limits
from aod.actions.table import Action, row
from aod.anomaly import Anomaly, Relation, Rule
from aod.files import create
from aod.history import Recorded
from aod.manifest import Manifest, Source, Status
from aod.wire import Sealed
from aod.workfolder import work_folder

ANOMALY_FILE: Final = contents.ANOMALY
_READ_FIRST: Final = (summary.FILE, manifest.FILE, ANOMALY_FILE, contents.STATS, history.FILE)


class Policy(Struct, frozen=True):
    """How bundles are made here."""

    output_dir: Path
    allowed_actions: frozenset[str]
    limits: Limits
    compression_level: int
    post_ns: int = 0
    """A bundle is sealed no earlier than this after its trigger."""
    scope: Scope = Scope()
    max_bundle_bytes: int = 1 << 62
    """Of what the actions write for one bundle."""


class Sources(Struct, frozen=True):
    """Who is asked about an anomaly."""

    recall: Callable[[Anomaly, Recorded | None], Recorded]
    """What the event log has; with what it had before, that and what is new."""
    related: Callable[[Anomaly], tuple[Relation, ...]]
    """The other anomalies of its incident, as far as they are known."""
    stats: Callable[[Anomaly], bytes] = lambda _: b"{}\n"
    """The text of stats.json."""


async def make(anomaly: Anomaly, policy: Policy, sources: Sources) -> Sealed | None:
    """Make the bundle of an anomaly; None if it is there already.

    `recall` and the compression run in threads of the loop's default executor.

    Raises:
        BusyError: another process makes it.
        OSError: it cannot be written; nothing is left then.
    """
    path = policy.output_dir / names.archive(anomaly.timestamp)
    if path.exists():
        return None
    with work_folder(policy.output_dir, anomaly.timestamp) as folder:
        await _fill(folder, anomaly, policy, sources)
        size_bytes = await asyncio.to_thread(_seal, folder, path, anomaly.timestamp, policy)
    return Sealed(anomaly.timestamp, str(path), size_bytes)


async def _fill(folder: Path, anomaly: Anomaly, policy: Policy, sources: Sources) -> None:
    _write(folder / ANOMALY_FILE, _anomaly_json(anomaly))
    recorded = await asyncio.to_thread(sources.recall, anomaly, None)
    events = await asyncio.to_thread(_save_events, folder, anomaly, recorded)
    _write(folder / contents.STATS, await asyncio.to_thread(sources.stats, anomaly))
    actions, refused = _chosen(anomaly.actions, policy.allowed_actions)
    situation = Situation(anomaly.timestamp, policy.scope)
    limits = msgspec.structs.replace(policy.limits, budget=Budget(policy.max_bundle_bytes))
    rest = asyncio.ensure_future(_wait_for_the_rest(anomaly, policy))
    try:
        collected = await runner.collect(actions, folder, situation, limits, late=rest)
        await rest
    finally:
        rest.cancel()
    if policy.post_ns and anomaly.rule is not Rule.MANUAL:
        recorded = await asyncio.to_thread(sources.recall, anomaly, recorded)
        events = await asyncio.to_thread(_save_events, folder, anomaly, recorded)
    anomaly = msgspec.structs.replace(anomaly, related=sources.related(anomaly))
    described = manifest.describe(
        anomaly, events, collected.mounts, (*collected.sources, *refused), recorded.losses
    )
    await asyncio.to_thread(_explain, folder, described, anomaly)


def _explain(folder: Path, described: Manifest, anomaly: Anomaly) -> None:
    """The files that tell of all the others, for a person and for programs."""
    listed = contents.files(folder, described.sources)
    text = summary.text(msgspec.structs.replace(described, files=listed), anomaly)
    _write(folder / summary.FILE, text.encode())
    listed = contents.files(folder, described.sources, listed)
    described = msgspec.structs.replace(described, files=listed)
    _write(folder / manifest.FILE, manifest.encode(described))


async def _wait_for_the_rest(anomaly: Anomaly, policy: Policy) -> None:
    """Wait for what comes after the trigger, unless capture is in a hurry."""
    if anomaly.rule is Rule.MANUAL:
        return
    left_ns = anomaly.trigger_ns + policy.post_ns - time.monotonic_ns()
    if 0 < left_ns <= policy.post_ns:  # else it is over, or of another boot
        hurry = policy.limits.hurry or asyncio.get_running_loop().create_future()
        await asyncio.wait([hurry], timeout=left_ns / 1e9)


def _save_events(folder: Path, anomaly: Anomaly, recorded: Recorded) -> manifest.Events:
    events = history.merged(recorded.events, anomaly.evidence)
    return history.save(folder, events, anomaly.trigger_ns, recorded.note)


def _seal(folder: Path, path: Path, timestamp: int, policy: Policy) -> int:
    unfinished = path.with_name(names.unfinished(timestamp))
    return archive.seal(folder, path, unfinished, policy.compression_level, _READ_FIRST)


def _chosen(
    wanted: Sequence[str], allowed: frozenset[str]
) -> tuple[list[Action], tuple[Source, ...]]:
    """The rows of the wanted actions, each once, and what to say about the others.

    The names come from detect, which is not trusted with more than the configuration allows.
    """
    actions, refused = [], []
    for name in dict.fromkeys(wanted):
        action = row(name)
        if action is None or name not in allowed:
            note = "no such action" if action is None else "not in watcher.actions"
            refused.append(manifest.not_run(name, "", (), Status.MISSING, note))
        else:
            actions.append(action)
    return actions, tuple(refused)


def _anomaly_json(anomaly: Anomaly) -> bytes:
    """Without the evidence: that is in events.npy."""
    fields = msgspec.to_builtins(anomaly)
    del fields["evidence"]
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def _write(path: Path, content: bytes) -> None:
    with create(path) as file:
        file.write(content)
