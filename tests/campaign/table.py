"""What a campaign saw, for a person."""

from collections import Counter

from tests.campaign.campaign import Plan, Result
from tests.campaign.moments import Moment

_MOMENTS = (*Moment, "starting", "running")


def render(plan: Plan, result: Result) -> str:
    """As text of several lines."""
    emitted, took_sec = result.emitted, max(result.emitted.seconds, 1e-9)
    taken = emitted.total - emitted.dropped
    return "\n".join(
        (
            f"seed {plan.seed}",
            *_kills(result.kills),
            "",
            f"operations         {emitted.total:>14,}  {emitted.total / took_sec:,.0f} a second",
            f"  taken, evaluated {taken:>14,}  by {result.detect_lives} lives of detect",
            f"  dropped, counted {emitted.dropped:>14,}  the kernel's ring was full",
            f"emergencies        {len(emitted.emergencies):>14,}",
            f"  bundles, whole   {result.bundles:>14,}  {result.interrupted} made by several lives",
            f"starts refused     {result.refused_starts:>14,}  of the supervisor, and tried again",
            f"supervisor, before and after {result.respawns} respawns:",
            f"  descriptors      {result.before.descriptors:>6} {result.after.descriptors:>6}",
            f"  own memory, KiB  {result.before.anonymous_bytes >> 10:>6,}"
            f" {result.after.anonymous_bytes >> 10:>6,}",
            "left behind        nothing",
        )
    )


def _kills(kills: dict[tuple[str, str], int]) -> list[str]:
    """Who, and at what moment."""
    columns = [one for one in _MOMENTS if any(moment == one for _, moment in kills)]
    lines = [f"{'killed':<12}" + "".join(f"{one:>10}" for one in columns) + f"{'all':>8}"]
    totals: Counter[str] = Counter()
    for who in sorted({who for who, _ in kills}):
        row = [kills.get((who, one), 0) for one in columns]
        totals.update(dict(zip(columns, row, strict=True)))
        lines.append(f"{who:<12}" + "".join(f"{n:>10}" for n in row) + f"{sum(row):>8}")
    last = [totals[one] for one in columns]
    return [*lines, f"{'all':<12}" + "".join(f"{n:>10}" for n in last) + f"{sum(last):>8}"]
