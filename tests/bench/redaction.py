"""How fast names are learnt and replaced, in processor time: ordinary logs, and the worst."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from aod.bundles.redact.gathering import Gathering
from aod.bundles.redact.kinds import Kind

FILE: Final = "journalctl.log"
LINES: Final = 40_000
CHUNK_BYTES: Final = 1 << 17
"""As the program reads its files."""
_PROGRAMS: Final = ("kernel", "systemd[1]", "sshd[77]", "kubelet[12]", "sudo", "dockerd[5]")
_FORMS: Final = (
    "CIFS: VFS: \\\\srv{0}.corp.example\\share{0} has not responded in 180 seconds",
    "session opened for user {1}(uid=1000) by {2}(uid=0)",
    "Accepted password for {1} from 10.1.{0}.{0} port 22",
    '{{"msg":"x","path":"/mnt/data/{1}/{2}","id":{0}}}',
    *16 * ("{1} {2} took {0} ms at 12:34:56 addr=10.1.2.3:445 /usr/lib/{2} and {1}",),
)
LONG_LINES: Final = {
    "an endless path": "\\\\aa\\",
    "endless quotes": "'//a/",
    "an endless volume": "a/a#",
    "endless escapes": "\\134\\303\\244%c3%a4",
}


def figures() -> Iterator[dict[str, object]]:
    """MiB a second of both passes; of one line without an end, how much longer twice of it takes
    (2: in proportion)."""
    yield {"figure": "redaction: ordinary logs"} | _speed(_ordinary())
    for name, text in LONG_LINES.items():
        once, twice = (_took_sec(_passes((text * times).encode())) for times in (20_000, 40_000))
        yield {"figure": f"redaction: {name}", "twice_takes": round(twice / once, 1)}


def _ordinary() -> list[bytes]:
    chosen = random.Random(1)
    words = [f"{chosen.choice('abcdefghij')}{chosen.randrange(9999)}" for _ in range(3000)]
    made = []
    for number in range(LINES):
        form = _FORMS[number % len(_FORMS)].format(number % 250, *chosen.sample(words, 2))
        program = _PROGRAMS[number % len(_PROGRAMS)]
        made.append(f"2026-11-22T15:25:41.{number:06}+00:00 ws01 {program}: {form}\n")
    text = "".join(made).encode()
    return [text[at : at + CHUNK_BYTES] for at in range(0, len(text), CHUNK_BYTES)]


def _speed(chunks: Sequence[bytes]) -> dict[str, object]:
    mib = sum(map(len, chunks)) / 2**20
    gathering = Gathering()
    gathering.add(Kind.MOUNTS, b"/mnt/data")
    learnt = sum(_took_sec(partial(gathering.look_at, chunk, FILE)) for chunk in chunks)
    redactor = gathering.redactor()
    replaced = sum(_took_sec(partial(redactor.text, chunk, FILE)) for chunk in chunks)
    return {
        "learnt_mib_per_sec": round(mib / learnt, 1),
        "replaced_mib_per_sec": round(mib / replaced, 1),
    }


def _passes(text: bytes) -> Callable[[], object]:
    def both() -> object:
        gathering = Gathering()
        gathering.look_at(text, FILE)
        return gathering.redactor().text(text, FILE)

    return both


def _took_sec(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
