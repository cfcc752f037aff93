"""How long the loop answers nobody while it masks a piece of the worst that a source can print."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from aod.actions import process
from aod.actions.mask import LineMask

WORST: Final = {
    "short lines with a secret": "pass\n",
    "secrets of all kinds": "curl -u user=x% token: pass= mysql -p bearer eyJ. sig= //a@ '\n",
    "an endless line of values": "key,",
    "an endless line of users": f"{1000 * 'user='}%",
    "an endless token": f"{1000 * 'eyJ-'}.",
    "an endless header": f"{1000 * 'x-'}:token",
    "an endless command": "curl mysql -p : -u ",
}
MOST_BYTES: Final = 4 << 20


def figures() -> Iterator[dict[str, object]]:
    """For each text, the longest time between two turns of the loop, and the whole time."""
    for name, text in WORST.items():
        longest_ms, took_sec = asyncio.run(_stalled(text))
        yield {
            "figure": f"masking: {name}",
            "longest_stall_ms": round(longest_ms, 1),
            "mib_per_sec": round(MOST_BYTES / took_sec / 2**20, 1),
        }


async def _stalled(text: str) -> tuple[float, float]:
    line_mask, longest = LineMask(), 0.0
    lines = "cat" if text.endswith("\n") else r"tr -d '\n'"
    command = ("sh", "-c", f'yes "$0" | {lines} | head -c {MOST_BYTES}', text.rstrip("\n"))
    began = last = time.perf_counter()
    running = asyncio.create_task(process.run(command, lambda one: _feed(line_mask, one), 600))
    while not running.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1e3, time.perf_counter() - began


def _feed(line_mask: LineMask, piece: bytes) -> None:
    line_mask.feed(piece)
