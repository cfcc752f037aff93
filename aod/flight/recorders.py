"""All that records all the time: what the configuration's anomalies ask for, and nothing else."""

import logging

from msgspec.structs import replace

from aod.config.rules import packets_folder, wanted
from aod.config.schema import Config, Packets, Trace
from aod.flight import ring, trace
from aod.flight.packets import PacketRing
from aod.flight.trace import TraceBuffer
from aod.host import children
from aod.settings import ActionName


def clear(config: Config, logger: logging.Logger) -> None:
    """Remove the leftovers of a capture that was killed."""
    folder = packets_folder(config)
    children.end_writers(folder)
    ring.remove(folder)
    trace.remove(config.pin_dir, logger)


def _settings(config: Config) -> dict[ActionName, Packets | Trace]:
    """What the wanted recorders depend on, by the action that reads them."""
    settings: dict[ActionName, Packets | Trace] = {
        # `headers_only` concerns the cut alone.
        ActionName.TCPDUMP: replace(config.capture.tcpdump, headers_only=True),
        ActionName.TRACE: config.capture.trace,
    }
    return {name: one for name, one in settings.items() if name in wanted(config)}


class Recorders:
    """The recorders of one daemon. Nothing here waits, and nothing raises."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self._logger = logger
        self._settings: dict[ActionName, Packets | Trace] = {}
        self._running: dict[ActionName, PacketRing | TraceBuffer] = {}
        self.use(config)

    def use(self, config: Config) -> None:
        """Use another configuration: a recorder whose settings changed begins anew."""
        before, self._settings = self._settings, _settings(config)
        for name, settings in before.items():
            if self._settings.get(name) != settings:
                self._running.pop(name).close()
        for name, settings in self._settings.items():
            if name not in self._running:
                self._running[name] = (
                    PacketRing(packets_folder(config), settings, self._logger)
                    if isinstance(settings, Packets)
                    else TraceBuffer(config.pin_dir, settings, self._logger)
                )

    def tick(self) -> None:
        """Start what should run, and what has died; call it about twice a second."""
        for one in self._running.values():
            one.tick()

    def close(self) -> None:
        """End them; what they recorded goes, too."""
        for one in self._running.values():
            one.close()

    def counters(self) -> dict[str, int]:
        """For the heartbeat: the counters of those that are wanted."""
        return {name: n for one in self._running.values() for name, n in one.counters().items()}
