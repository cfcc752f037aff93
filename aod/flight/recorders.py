"""All that records all the time: what the configuration's anomalies ask for, and nothing else."""

import logging

from msgspec.structs import replace

from aod.config.rules import packets_folder, wanted
from aod.config.schema import Config, Packets, Trace
from aod.flight import ring, trace
from aod.flight.packets import PacketRing
from aod.flight.trace import TraceBuffer
from aod.host import leftovers
from aod.settings import ActionName


def clear(config: Config, logger: logging.Logger) -> None:
    """Remove what a capture that was killed has left."""
    folder = packets_folder(config)
    leftovers.end_writers(folder)
    ring.remove(folder)
    trace.remove(config.pin_dir, logger)


def _packets_settings(config: Config) -> Packets | None:
    """What the ring of packets depends on; None: it is not wanted."""
    if ActionName.TCPDUMP not in wanted(config):
        return None
    return replace(config.capture.tcpdump, headers_only=True)  # that is the cut's business


def _trace_settings(config: Config) -> Trace | None:
    return config.capture.trace if ActionName.TRACE in wanted(config) else None


class Recorders:
    """The recorders of one daemon. Nothing here waits, and nothing raises."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self._logger = logger
        self._config = config
        self._packets = self._new_packets()
        self._trace = self._new_trace()

    def use(self, config: Config) -> None:
        """Go on with another configuration: who has other settings than before begins anew."""
        before, self._config = self._config, config
        if _packets_settings(before) != _packets_settings(config):
            if self._packets is not None:
                self._packets.close()
            self._packets = self._new_packets()
        if _trace_settings(before) != _trace_settings(config):
            if self._trace is not None:
                self._trace.close()
            self._trace = self._new_trace()

    def _new_packets(self) -> PacketRing | None:
        settings = _packets_settings(self._config)
        folder = packets_folder(self._config)
        return None if settings is None else PacketRing(folder, settings, self._logger)

    def _new_trace(self) -> TraceBuffer | None:
        settings = _trace_settings(self._config)
        pin_dir = self._config.pin_dir
        return None if settings is None else TraceBuffer(pin_dir, settings, self._logger)

    def tick(self) -> None:
        """Start what should run, and what has died; call it about twice a second."""
        for one in (self._packets, self._trace):
            if one is not None:
                one.tick()

    def close(self) -> None:
        """End them; what they recorded goes, too."""
        for one in (self._packets, self._trace):
            if one is not None:
                one.close()

    def counters(self) -> dict[str, int]:
        """What a heartbeat says of them; those that are not wanted are not mentioned."""
        counted = {}
        if self._packets is not None:
            counted["packets_recording"] = int(self._packets.is_recording)
            counted["packets_restarts"] = max(0, self._packets.starts - 1)
            counted["packets_dropped"] = self._packets.dropped
        if self._trace is not None:
            counted["trace_recording"] = int(self._trace.is_recording)
        return counted
