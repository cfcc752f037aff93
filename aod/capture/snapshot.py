"""A snapshot: a bundle of everything configured, because a person (or a shutdown) asks for it.

It takes the way of an anomaly: an entry in the spool, and a message to capture. It is captured at
once, without waiting for what follows the trigger."""

import logging
import os
import time
from typing import Final

import zmq

from aod.anomaly import Anomaly, Cause
from aod.config.schema import Config, effective_actions
from aod.detectors.api import nanoseconds
from aod.detectors.describe import broken_down
from aod.detectors.registry import RESERVED
from aod.state import names, spool
from aod.text import text
from aod.transport.wire import Outbox

NAME: Final = "snapshot"


class SnapshotError(Exception):
    """There is no bundle, and why; with what to do about it."""


def actions(config: Config) -> tuple[str, ...]:
    """What any anomaly collects, in the order of the file, each once."""
    configured = config.guardian.anomalies.values()
    return tuple(
        dict.fromkeys(action for one in configured for action in effective_actions(config, one))
    )


def asked_for(
    config: Config, kind: str, name: str, actions: tuple[str, ...], reason: str
) -> Anomaly:
    """An anomaly that nobody declared, as of now: a person wants its bundle."""
    return Anomaly(
        anomaly=kind,
        timestamp=time.time_ns(),
        name=name,
        rule=Cause.MANUAL,
        trigger_ns=time.monotonic_ns(),
        window_ns=nanoseconds(config.watch_interval_sec * 1e3),
        count=0,
        acceptable_count=0,
        suppressed=0,
        reason=text(reason),
        actions=actions,
        worst=(),
        breakdown=broken_down(()),
    )


def request(config: Config, reason: str) -> int:
    """Ask capture for a snapshot; its timestamp. Whoever makes it now or later finds it spooled.

    Raises OSError, SpoolError: it cannot be spooled; nothing is asked for then."""
    anomaly = asked_for(config, RESERVED, NAME, actions(config), reason)
    spool.write(config.state_dir / spool.FOLDER, anomaly)
    # The ZeroMQ context lives no longer than this: the supervisor forks, and must hold none.
    zmq_context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    outbox = Outbox(zmq_context, config.runtime_dir, "capture")
    outbox.send(anomaly)
    outbox.close()
    zmq_context.term()
    return anomaly.timestamp


def is_waiting(config: Config, timestamp: int) -> bool:
    """Whether it is not sealed yet, refused, nor failed permanently."""
    return os.path.lexists(config.state_dir / spool.FOLDER / names.spooled(timestamp))


class Snapshots:
    """Snapshots of a running daemon: one in the making, at most one that waits for it.

    Signals that come faster than bundles can be made count as one: the next bundle is begun after
    the last of them."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self._config = config
        self._logger = logger
        self._wish = ""
        self._last: int | None = None

    def use(self, config: Config) -> None:
        """Use this configuration from now on."""
        self._config = config

    def wish(self, reason: str) -> None:
        """Ask for one more; may be called from a signal handler."""
        self._wish = reason

    def tick(self) -> None:
        """Spool what was asked for, unless the last one is still in the making."""
        if not self._wish or (self._last and is_waiting(self._config, self._last)):
            return
        reason, self._wish = self._wish, ""
        self.ask(reason)

    def ask(self, reason: str) -> None:
        """Ask now, whatever is in the making; a failure is logged."""
        try:
            self._last = request(self._config, reason)
        except (OSError, spool.SpoolError) as error:
            self._logger.error("no snapshot: %s", error)
        else:
            self._logger.info("snapshot %s: %s", names.folder(self._last), reason)
