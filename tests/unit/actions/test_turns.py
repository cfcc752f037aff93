"""Who of many begins next: every server once, then those that answer."""

from hypothesis import given
from hypothesis import strategies as st

from aod.actions.turns import Turns


def order(groups: str, silent: str = "") -> str:
    """Who begins when, one at a time."""
    turns = Turns(groups)
    found = ""
    while (at := turns.begin()) is not None:
        found += groups[at]
        turns.end(at, answered=groups[at] not in silent)
    return found


def test_between_equals_it_is_the_order_of_the_list() -> None:
    turns = Turns(["", "", ""])
    assert [turns.begin() for _ in range(4)] == [0, 1, 2, None]


def test_every_group_comes_once_before_one_comes_twice() -> None:
    assert order("aaabbc") == "abcaab"


def test_who_does_not_answer_waits_behind_those_that_do() -> None:
    assert order("aaabbc", silent="a") == "abcbaa"


def test_who_does_not_answer_never_takes_all_places() -> None:
    turns = Turns("a" * 30 + "b" * 30)
    running = [at for _ in range(8) if (at := turns.begin()) is not None]
    assert sum(at >= 30 for at in running) == 4
    for _ in range(26):  # one of b's answers, and the place is b's again
        turns.end(next(at for at in running if at >= 30), answered=True)
        running.remove(next(at for at in running if at >= 30))
        chosen = turns.begin()
        assert chosen is not None
        assert chosen >= 30
        running.append(chosen)


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.booleans(), min_size=30))
def test_each_comes_exactly_once(groups: list[str], answered: list[bool]) -> None:
    turns = Turns(groups)
    chosen = []
    for left in range(len(groups), 0, -1):
        assert turns.unfinished == left
        at = turns.begin()
        assert at is not None
        assert turns.unfinished == left
        turns.end(at, answered=answered[at])
        chosen.append(at)
    assert turns.begin() is None
    assert sorted(chosen) == list(range(len(groups)))
