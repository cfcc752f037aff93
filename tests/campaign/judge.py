"""What must hold of records, anomalies and bundles, whoever was killed when.

Nothing here believes the daemon's counters alone: the load knows what the ring took, the witness
what detect was shown, the archives what was declared.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aod.audit.entries import CaptureFailed, CaptureRefused, Declared
from aod.state import names
from aod.status.model import Status
from tests.campaign.killer import Look
from tests.campaign.load import Emitted
from tests.campaign.witness import Batch
from tests.rig import audit_log
from tests.rig.bundles import open_bundle
from tests.rig.daemon import LocalDaemon

NAME: Final = "slow"


def judge_records(emitted: Emitted, status: Status, looks: Sequence[Look]) -> None:
    """Each record that the ring took is in the event log, once, in order; the others are counted.

    Raises:
        AssertionError: it is not so.
    """
    taken = emitted.total - emitted.dropped
    assert status.records == taken, f"{taken} records taken, {status.records} in the event log"
    assert status.read == taken, f"{taken} records taken, {status.read} evaluated"
    counted = Counter[str]()
    for one in status.commands.values():
        counted.update(finished=one.finished, emitted=one.emitted, full=one.dropped_ring_full)
    assert counted == {"finished": emitted.total, "emitted": taken, "full": emitted.dropped}
    assert status.conserved
    for look in looks:
        assert look.in_order, f"out of order, or twice: {look}"
    for earlier, later in pairwise(looks):
        ends = [one.position + one.count for one in (earlier, later)]
        assert ends == sorted(ends), f"{earlier}, then {later}"
    _judge_places(looks, emitted)


def _judge_places(looks: Sequence[Look], emitted: Emitted) -> None:
    """The n-th record that the ring took is the n-th of the log."""
    for look in looks:
        before, unsure = _dropped_before(look.first, emitted)
        missing = look.first - look.position
        assert before <= missing <= before + unsure, f"{missing} records miss before {look}"
        end = look.first + look.count + look.missing
        before, unsure = _dropped_before(end, emitted)
        missing += look.missing
        assert before <= missing <= before + unsure, f"{missing} records miss before {end}: {look}"


def _dropped_before(mid: int, emitted: Emitted) -> tuple[int, int]:
    """How many were dropped surely, and how many more perhaps: in the chunk that `mid` is in."""
    surely = sum(lost for first, number, lost in emitted.shortfalls if first + number <= mid)
    perhaps = [lost for first, number, lost in emitted.shortfalls if first < mid < first + number]
    return surely, sum(perhaps)


def judge_evaluation(emitted: Emitted, batches: Iterable[Batch]) -> int:
    """Detect was shown every record that the ring took, each of its lives in order.

    Returns:
        How many lives it had.

    Raises:
        AssertionError: it is not so.
    """
    seen = np.zeros(emitted.total, np.bool_)
    last: dict[int, int] = {}
    for batch in batches:
        assert batch.in_order, f"out of order, or twice: {batch}"
        assert last.get(batch.pid, -1) < batch.first, f"{batch} after {last[batch.pid]}"
        last[batch.pid] = batch.last
        seen[batch.first : batch.last + 1] |= _shown(batch)
    unseen = emitted.total - int(np.count_nonzero(seen))
    assert unseen == emitted.dropped, f"{emitted.dropped} dropped, {unseen} never evaluated"
    for first, number, lost in emitted.shortfalls:
        assert number - int(np.count_nonzero(seen[first : first + number])) == lost
    return len(last)


def _shown(batch: Batch) -> NDArray[np.bool_]:
    shown = np.ones(batch.last + 1 - batch.first, np.bool_)
    for start, end in batch.missing:
        shown[start - batch.first : end - batch.first] = False
    return shown


def judge_bundles(emitted: Emitted, daemon: LocalDaemon) -> int:
    """Each emergency has one anomaly, and each anomaly one whole bundle.

    Returns:
        How many bundles went on with the work of a capture that had died.

    Raises:
        AssertionError: it is not so.
    """
    mids: Counter[int] = Counter()
    interrupted = 0
    for path in daemon.bundles():
        bundle = open_bundle(path)
        anomaly = bundle.json("anomaly.json")
        assert path.name == names.archive(anomaly["timestamp"])
        assert (anomaly["name"], anomaly["rule"], anomaly["count"]) == (NAME, "emergency", 1)
        mids.update(int(one["mid"]) for one in anomaly["worst"])
        interrupted += bundle.manifest["interrupted"] > 0
    twice = [mid for mid, number in mids.items() if number != 1]
    assert not twice, f"declared more than once: {twice}"
    assert set(mids) == set(emitted.emergencies), (
        f"no bundle: {sorted(set(emitted.emergencies) - set(mids))}, "
        f"no emergency: {sorted(set(mids) - set(emitted.emergencies))}"
    )
    _judge_audit(daemon)
    return interrupted


def _judge_audit(daemon: LocalDaemon) -> None:
    """The audit log knows of exactly these; no capture failed, none was refused."""
    records = audit_log.decoded(daemon.output_dir)
    declared = {one.timestamp for one in records if isinstance(one, Declared)}
    bundles = {names.archive.timestamp(path.name) for path in daemon.bundles()}
    assert declared == bundles, f"audit log and bundles differ by {declared ^ bundles}"
    failed = [one for one in records if isinstance(one, CaptureFailed | CaptureRefused)]
    assert not failed, failed
    alarms = daemon.audited("conservation")
    assert not alarms, alarms
