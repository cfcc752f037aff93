"""python -m tests.campaign: the campaign, as long as you like; see `make campaign`."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.campaign.campaign import Campaign, Plan
from tests.campaign.table import render
from tests.rig.ring import SHARED_MEMORY, own_pin_dir


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="of workers (default 500)")
    parser.add_argument("--supervisor-kills", type=int, default=50, help="(default 50)")
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run")
    parser.add_argument("--records-per-second", type=int, default=1_000_000)
    parser.add_argument("--anomalies-per-second", type=float, default=4)
    parser.add_argument("--packets", action="store_true", help="record packets, too (tcpdump)")
    parser.add_argument("--user", default="aod", help="whom detect runs as (default aod)")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for what it leaves")
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    plan = Plan(
        seed=seed,
        kills=arguments.kills,
        supervisor_kills=arguments.supervisor_kills,
        per_second=arguments.records_per_second,
        anomalies_per_second=arguments.anomalies_per_second,
        with_packets=arguments.packets,
        user=arguments.user,
    )
    print("seed", seed, flush=True)
    began = time.monotonic()
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True)
        result = Campaign(plan, arguments.keep, own_pin_dir(), say).run()
    else:
        with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
            Path(folder).chmod(0o711)  # for the user that detect runs as
            result = Campaign(plan, Path(folder), own_pin_dir(), say).run()
    print(render(plan, result))
    print(f"all of it held; {time.monotonic() - began:.0f} s")
    return 0


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
