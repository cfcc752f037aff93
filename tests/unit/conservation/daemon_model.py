"""A model of the daemon's accounts, in which every step that the hardware makes one is one.

CPUs that count, a collector that reads and publishes, a detector, capture, and who readings; their
steps are mixed at random.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from aod.conservation.sums import Anomalies, Commit, Kernel, Reading, find_violations
from aod.conservation.violation import Violation
from aod.event import COMMANDS
from aod.transport.eventlog import HEADER_DTYPE
from aod.transport.position import Evaluated

STATS = HEADER_DTYPE["stats"].base
CPUS, RECORD, CAPACITY, RING = 2, 72, 8, 10 * 72
COMMANDS_USED = (5, 9)
MAX_IN_FLIGHT = 6
Steps = Iterator[None]


@dataclass
class World:
    """What the memory holds."""

    per_cpu: np.ndarray[tuple[int, int], np.dtype[np.void]] = field(
        default_factory=lambda: np.zeros((CPUS, COMMANDS), STATS)
    )
    gave_up: list[int] = field(default_factory=lambda: [0] * COMMANDS)
    in_flight: dict[int, int] = field(default_factory=dict)
    produced: int = 0
    commit: Commit = field(default_factory=Commit)
    said: Evaluated = field(default_factory=Evaluated)
    kernel: Kernel | None = None
    scanned: tuple[int, list[int]] = (0, [0] * COMMANDS)
    spool: set[int] = field(default_factory=set)
    known: dict[int, bool] = field(default_factory=dict)
    """By anomaly: whether it has an outcome."""
    clock: int = 0
    readings: list[Reading] = field(default_factory=list)

    def now(self) -> int:
        self.clock += 1
        return self.clock


def count(world: World, cpu: int, command: int, name: str) -> None:
    world.per_cpu[name][cpu, command] += 1


def cpu(world: World, number: int, chance: random.Random, operations: int) -> Steps:
    """Starts operations, ends some that any CPU started, and may be stopped between two steps."""
    for operation in range(operations):
        command = chance.choice(COMMANDS_USED)
        key = number * 10**6 + operation
        count(world, number, command, "begun")
        yield
        count(world, number, command, "started")
        yield
        if len(world.in_flight) == MAX_IN_FLIGHT:
            count(world, number, command, "dropped_inflight_full")
        else:
            world.in_flight[key] = command
        yield
        count(world, number, command, "ended")
        yield
        if world.in_flight and chance.random() < 0.8:
            yield from end(world, number, chance.choice(list(world.in_flight)), chance)


def end(world: World, number: int, key: int, chance: random.Random) -> Steps:
    command = world.in_flight[key]
    count(world, number, command, "begun")
    yield
    if world.in_flight.pop(key, None) is None:
        count(world, number, command, "orphaned")
    else:
        yield
        count(world, number, command, "finished")
        yield
        if chance.random() < 0.2:
            count(world, number, command, "filtered")
        elif world.produced - world.commit.ring_position >= RING:
            count(world, number, command, "dropped_ring_full")
        else:
            world.produced += RECORD
            yield
            count(world, number, command, "emitted")
    yield
    count(world, number, command, "ended")
    yield


def collector(world: World, chance: random.Random, rounds: int) -> Steps:
    for _ in range(rounds):
        yield from drain(world, chance)
        yield from scan(world, chance)
        yield from publish(world, chance)


def drain(world: World, chance: random.Random) -> Steps:
    limit = world.said.position + CAPACITY
    yield
    while world.commit.ring_position < world.produced and world.commit.log_position < limit:
        old = world.commit
        world.commit = old._replace(
            log_position=old.log_position + 1, ring_position=old.ring_position + RECORD
        )
        yield
    if world.commit.log_position < limit and chance.random() < 0.3:
        old = world.commit
        world.commit = old._replace(log_position=old.log_position + 1, appended=old.appended + 1)


def scan(world: World, chance: random.Random) -> Steps:
    began, seen = world.now(), [0] * COMMANDS
    yield
    for key in list(world.in_flight):
        command = world.in_flight.get(key)
        if command is None:
            continue
        if chance.random() < 0.1:
            del world.in_flight[key]
            yield
            world.gave_up[command] += 1
        else:
            seen[command] += 1
        yield
    world.scanned = (began, seen)


def copy(world: World, chance: random.Random) -> Iterator[np.ndarray]:
    """One look of the kernel's at all CPUs; its words in any order, others in between."""
    taken = np.zeros_like(world.per_cpu)
    names = list(STATS.names or ())
    chance.shuffle(names)
    for name in names:
        taken[name] = world.per_cpu[name]
        yield np.empty(0)
    yield taken


def publish(world: World, chance: random.Random) -> Steps:
    """native/counters.c, read_stats, without another try."""
    began, scanned, produced_from = world.now(), world.scanned, world.produced
    copies = []
    for _ in range(3):
        for part in copy(world, chance):
            yield
            if len(part):
                copies.append(part)
    first, found, third = copies
    exact = first == found
    best = found.copy()
    best["ended"] = np.where(exact, found["ended"], first["ended"])
    best["begun"] = np.where(exact, found["begun"], third["begun"])
    total = np.zeros(COMMANDS, STATS)
    for name in STATS.names or ():
        total[name] = best[name].sum(axis=0)
    yield
    gave_up = np.array(world.gave_up, np.uint64)
    yield
    none = np.zeros(COMMANDS, np.uint64)
    world.kernel = Kernel(
        *(1, began, scanned[0], MAX_IN_FLIGHT, produced_from, world.produced, total, gave_up, none),
        np.array(scanned[1], np.uint64),
    )


def detector(world: World, chance: random.Random, rounds: int) -> Steps:
    for number in range(rounds):
        position = world.commit.log_position
        yield
        declared = world.said.declared
        if chance.random() < 0.3:
            world.spool.add(number)
            yield
            declared += 1
        world.said = world.said._replace(position=position, declared=declared)
        yield


def capture(world: World, rounds: int) -> Steps:
    for _ in range(rounds):
        for one in list(world.spool):
            world.known.setdefault(one, False)
            yield
            world.known[one] = True
            yield
            world.spool.discard(one)
            yield
        yield


def looker(world: World, rounds: int) -> Steps:
    for _ in range(rounds):
        before = world.said
        yield
        commit = world.commit
        yield
        after = world.said
        yield
        kernel = world.kernel
        yield
        waiting = {one for one, over in world.known.items() if not over}
        yield
        spooled = set(world.spool)
        yield
        known = dict(world.known)
        missing = sum(not known[one] for one in waiting - spooled)
        anomalies = Anomalies(len(known), len(spooled - known.keys()), missing)
        world.readings.append(
            Reading(world.now(), before, 1, commit, CAPACITY, after, kernel, anomalies)
        )
        yield


def run(world: World, chance: random.Random, actors: list[Steps]) -> None:
    """To the end of all of them, a few steps of one at a time."""
    while actors:
        actor = chance.choice(actors)
        for _ in range(chance.randrange(1, 12)):
            if next(actor, "over") == "over":
                actors.remove(actor)
                break


def at_work(seed: int) -> tuple[World, random.Random]:
    chance, world = random.Random(seed), World()
    cpus = [cpu(world, number, chance, 12) for number in range(CPUS)]
    others = [collector(world, chance, 5), detector(world, chance, 12), capture(world, 12)]
    run(world, chance, [*cpus, *others, looker(world, 12)])
    return world, chance


def quiet(world: World, chance: random.Random) -> None:
    """Nothing starts or ends any more: two rounds of the collector, and a look after each."""
    for _ in range(3):
        steady = random.Random(1)
        steady.random = lambda: 1.0  # type: ignore[method-assign]
        for actor in (collector(world, steady, 1), looker(world, 1)):
            run(world, chance, [actor])


def found(world: World) -> list[Violation]:
    readings = world.readings
    pairs = zip([None, *readings], readings, strict=False)
    return [one for before, now in pairs for one in find_violations(before, now)]
