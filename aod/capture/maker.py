"""One bundle of the daemon's: how it is made with the configuration of now, or why not yet."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aod.actions.job import Children, Job
from aod.anomaly import Anomaly
from aod.bundles import bundle
from aod.bundles.filling import Surroundings
from aod.bundles.workfolder import BusyError
from aod.capture.audit import CaptureAudit
from aod.capture.incidents import Incidents
from aod.capture.output_folder import OutputState
from aod.capture.room import Room
from aod.config.schema import Config
from aod.host.clock import ClockWatch
from aod.state import names
from aod.state.ledger import Kind

RECALLING: Final = 1
"""Threads that cut histories: one log, which is read no faster by two."""
PACKING: Final = 2
"""Threads that compress; one of them may wait for the disk."""


class Maker:
    """Makes bundles; a failure of one never ends another.

    Attributes:
        incidents: what was declared in the last minutes; add every anomaly.
        clock: whether the clock was set; to be looked at about twice a second."""

    def __init__(
        self,
        config: Config,
        audit: CaptureAudit,
        output: OutputState,
        room: Room,
        children: Children,
    ) -> None:
        self.incidents = Incidents()
        self.clock = ClockWatch()
        self._config, self._audit, self._output = config, audit, output
        self._room, self._children = room, children
        self._recalling = ThreadPoolExecutor(RECALLING, "recalling")
        self._packing = ThreadPoolExecutor(PACKING, "packing")
        self._around = Surroundings(
            begun=audit.begun,
            related=self.incidents.of,
            losses=audit.backlog.losses,
            room=room.entered,
            redacting=asyncio.Lock(),
            clock=self.clock,
            recalling=self._recalling,
            packing=self._packing,
        )

    def close(self) -> None:
        """Wait for what its threads still do; what none of them has begun is not done."""
        for threads in (self._recalling, self._packing):
            threads.shutdown(cancel_futures=True)

    def use(self, config: Config) -> None:
        """Use this configuration for new bundles; those that were begun keep theirs."""
        self._config = config
        self._room.use(config)
        self._output.use(config)
        self._audit.use(config)

    def job(self) -> Job:
        """For a bundle that is to be made."""
        return Job(self._config, self._children)

    async def make(self, anomaly: Anomaly, job: Job) -> None:
        """Make the bundle of an anomaly, or report why there is none yet."""
        timestamp, config, began = anomaly.timestamp, self._config, time.monotonic()
        only_seal = timestamp in self._audit.backlog.adopted
        try:
            made = await bundle.make(anomaly, config, job, self._around, only_seal=only_seal)
            if made is None:
                path = config.aod_output_dir / names.archive(timestamp)
                await asyncio.to_thread(self._audit.was_sealed, timestamp, path)
                self._audit.backlog.done(timestamp, Kind.SEALED)
            else:
                self._audit.is_sealed(anomaly, made, time.monotonic() - began)
                self._room.to_cleanup(made.sealed)
        except asyncio.CancelledError:
            self._audit.interrupted(timestamp, "aod was shutting down; left for the next start")
            raise
        except BusyError as error:
            # A person's `capture --now`; or a dead capture's child, which lets go of the folder
            # when it begins its command, or ends.
            self._audit.busy(timestamp, str(error))
        except Exception as error:
            # A disk, a folder, or a fault of ours: one anomaly's trouble must not be another's.
            if await self._output.blames(error):
                self._audit.waits(timestamp, str(error))
            else:
                self._audit.has_failed(timestamp, error)
