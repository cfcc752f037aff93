"""One bundle: how it is made with the configuration of now, and what is said of its end."""

import asyncio
import logging
import time
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from aod import log as aod_log
from aod.actions.process import Children
from aod.anomaly import Anomaly
from aod.bundles import bundle
from aod.bundles.filling import Policy, Sources
from aod.bundles.workfolder import BusyError
from aod.capture.audit import Account
from aod.capture.backlog import Backlog
from aod.capture.incidents import Incidents
from aod.capture.leftovers import Leftovers
from aod.capture.output_folder import OutputState
from aod.capture.policy import allowed, policy, recall, stats
from aod.capture.room import Room
from aod.capture.running import Running
from aod.config.schema import Config
from aod.conservation import violation
from aod.state import names
from aod.state.ledger import Kind, Ledger
from aod.transport.wire import Outbox, OwnPids

BUSY_SEC: Final = 0.25
"""Until a folder is tried again that another process holds."""


class Maker:
    """Makes bundles; a failure of one is booked, and never ends another.

    Attributes:
        incidents: what is declared in these minutes; to be told of every anomaly.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        config: Config,
        log: logging.Logger,
        cleanup: Outbox,
        collect: Outbox,
        ledger: Ledger,
        backlog: Backlog,
        account: Account,
        output: OutputState,
    ) -> None:
        self.incidents = Incidents()
        self._config, self._log = config, log
        self._cleanup, self._collect = cleanup, collect
        self._ledger, self._backlog = ledger, backlog
        self._account, self._output = account, output
        self._leftovers = Leftovers(config.aod_output_dir, backlog, log)
        self._room = Room(config, log, self._cleanup.send)
        self._children = Children(self._tell_children)
        self._policy, self._sources = self._plans()

    def _plans(self) -> tuple[Policy, Sources]:
        """How bundles are made that are begun from now, and from what."""
        config = self._config
        common = policy(config, children=self._children)
        asked = Sources(
            recall(config),
            self.incidents.of,
            stats(config),
            self._losses,
            partial(violation.FILE.read, config.runtime_dir),
        )
        return msgspec.structs.replace(common, room=self._room.entered), asked

    def use(self, config: Config) -> None:
        """Take this configuration for new bundles; those that were begun keep theirs."""
        self._config = config
        self._policy, self._sources = self._plans()
        self._room.use(config)

    @property
    def unsent(self) -> int:
        """Messages of sealed bundles that cleanup did not take."""
        return self._cleanup.unsent

    def begin(self) -> None:
        """No children of ours run yet."""
        self._tell_children(())

    async def find_leftovers(self) -> None:
        """What a dead capture has left is gone on with, or sealed as it is."""
        for timestamp, why in await asyncio.to_thread(self._leftovers.find):
            self._account.interrupted(timestamp, why)

    def running(self) -> Running:
        """For a bundle that is to be made."""
        return Running(self._policy.max_bundle_bytes)

    async def make(self, anomaly: Anomaly, running: Running) -> None:
        """Make the bundle of an anomaly, or book why there is none yet."""
        timestamp = anomaly.timestamp
        try:
            await self._make(anomaly, running)
            self._backlog.done(timestamp, Kind.SEALED)
        except asyncio.CancelledError:
            self._account.interrupted(timestamp, "aod was stopping; left for the next start")
            raise
        except BusyError as error:
            # A person's `capture --now`; or a dead capture's child, which lets go of the folder
            # when it begins its command, or ends.
            self._backlog.postpone(timestamp, time.monotonic() + BUSY_SEC)
            self._account.waits(timestamp, str(error))
        except Exception as error:
            # A disk, a folder, or a fault of ours: one anomaly's trouble must not be another's.
            await self._failed(timestamp, error)

    async def _make(self, anomaly: Anomaly, running: Running) -> None:
        timestamp, began = anomaly.timestamp, time.monotonic()
        begun = partial(self._account.begun, anomaly)
        asked = msgspec.structs.replace(self._sources, begun=begun, note=running.note)
        how = msgspec.structs.replace(
            running.policy(self._policy), allowed_actions=allowed(self._config, anomaly)
        )
        only_seal = self._leftovers.is_orphan(timestamp)
        made = await bundle.make(anomaly, how, asked, only_seal=only_seal)
        if made is not None:
            self._tell(anomaly, made, time.monotonic() - began)
        else:
            path = how.output_dir / names.archive(timestamp)
            await asyncio.to_thread(self._account.found_sealed, path, timestamp)

    async def _failed(self, timestamp: int, error: Exception) -> None:
        if await self._output.blames(error):
            self._account.waits(timestamp, str(error))
            return
        if not isinstance(error, OSError):
            self._log.error("bundle %d", timestamp, exc_info=error)
        failure = self._backlog.failed(timestamp, time.monotonic(), error)
        self._account.has_failed(timestamp, error, failure)

    def _tell(self, anomaly: Anomaly, made: bundle.Made, took_sec: float) -> None:
        self._account.made(made, took_sec)
        self._cleanup.send(made.sealed)
        said = (Path(made.sealed.path).name, made.sealed.size_bytes >> 10, took_sec)
        self._log.info(
            "sealed %s: %d KiB in %.2f s",
            *said,
            extra=aod_log.fields(
                AOD_ANOMALY=anomaly.name,
                AOD_BUNDLE=made.sealed.path,
                AOD_TIMESTAMP=anomaly.timestamp,
            ),
        )

    def _losses(self) -> dict[str, int]:
        """What a manifest says of anomalies that got no bundle, since the daemon began."""
        counts = self._ledger.state.counts
        return {
            "refused_captures": counts[Kind.REFUSED],
            "set_aside_captures": counts[Kind.SET_ASIDE],
            "lost_anomalies": counts[Kind.LOST],
        }

    def _tell_children(self, pids: tuple[int, ...]) -> None:
        self._collect.send(OwnPids(pids))
