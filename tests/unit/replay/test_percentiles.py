"""Percentiles in two passes against sorting; memory is that of the bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.replay.percentiles import PER_MILLE, Coarse, Exact, Place


def of(samples: dict[int, list[int]], cuts: int = 1) -> dict[int, list[int]]:
    """The percentiles of latencies by command, which come in so many batches."""
    command = np.array([c for c, values in samples.items() for _ in values], np.uint8)
    latency_ns = np.array([v for values in samples.values() for v in values], np.uint64)
    coarse = Coarse()
    parts = list(zip(np.array_split(command, cuts), np.array_split(latency_ns, cuts), strict=True))
    for part in parts:
        coarse.add(*part)
    places = {c: [coarse.place(c, share) for share in PER_MILLE] for c in samples}
    exact = Exact(place for some in places.values() for place in some)
    for part in parts:
        exact.add(*part)
    assert {c: coarse.count(c) for c in samples} == {c: len(v) for c, v in samples.items()}
    assert {c: int(coarse.max_ns[c]) for c in samples} == {c: max(v) for c, v in samples.items()}
    return {c: [exact.value_ns(place) for place in some] for c, some in places.items()}


def by_sorting(values: list[int]) -> list[int]:
    """The lowest of which so many per mille are not higher."""
    ordered = sorted(values)
    shares = [(sum(1 for one in ordered if one <= value), value) for value in ordered]
    return [
        next(value for count, value in shares if count * 1000 >= share * len(values))
        for share in PER_MILLE
    ]


LATENCIES = st.lists(
    st.one_of(
        st.integers(0, 3),
        st.integers(10**6, 10**6 + 2000),
        st.integers(0, 2**64 - 1),
        st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64 - 1]),
    ),
    min_size=1,
    max_size=40,
)


@given(st.dictionaries(st.integers(0, 31), LATENCIES, min_size=1, max_size=4), st.integers(1, 5))
def test_percentiles_agree_with_sorting(samples: dict[int, list[int]], cuts: int) -> None:
    assert of(samples, cuts) == {c: by_sorting(values) for c, values in samples.items()}


@pytest.mark.parametrize(("size", "seed"), [(1, 1), (999, 2), (1000, 3), (1001, 4), (50_000, 5)])
def test_percentiles_agree_with_numpy(size: int, seed: int) -> None:
    latency_ns = np.random.default_rng(seed).lognormal(14, 1, size).astype(np.uint64)
    expected = [
        int(np.quantile(latency_ns, share / 1000, method="inverted_cdf")) for share in PER_MILLE
    ]
    assert of({5: latency_ns.tolist()}, 7) == {5: expected}


def test_what_comes_again_and_again_takes_no_memory() -> None:
    coarse = Coarse()
    coarse.add(np.array([5], np.uint8), np.array([10**6], np.uint64))
    (place,) = {coarse.place(5, share) for share in PER_MILLE}
    exact = Exact([place])
    for _ in range(50):
        exact.add(np.full(99, 5, np.uint8), np.tile(np.array([10**6, 10**6 + 1, 7], np.uint64), 33))
    ((values, counts),) = exact._found.values()
    assert len(values) == len(counts) == 2
    ranks = [exact.value_ns(Place(place.bin, rank)) for rank in (1, 1650, 1651, 3300)]
    assert ranks == [10**6, 10**6, 10**6 + 1, 10**6 + 1]
