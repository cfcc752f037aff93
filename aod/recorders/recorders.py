"""All that records all the time: what the configuration's anomalies ask for, and nothing else."""

import logging
from pathlib import Path

from aod.config import Config, effective_actions
from aod.config_base import ActionName
from aod.recorders import ring, strays, trace
from aod.recorders.packets import PacketRing
from aod.recorders.trace import TraceBuffer


def wanted(config: Config) -> frozenset[ActionName]:
    """The actions that any anomaly gets."""
    return frozenset(
        action
        for anomaly in config.guardian.anomalies.values()
        for action in effective_actions(config, anomaly)
    )


def packets_folder(config: Config) -> Path:
    """Where the ring of packets lies while it is recorded."""
    return config.capture.tcpdump.folder or config.runtime_dir / ring.FOLDER


def trace_folder(config: Config) -> str:
    """Where the trace is read while it is recorded; empty: this host has no tracefs."""
    try:
        return str(trace.folder(config.pin_dir))
    except trace.UnavailableError:
        return ""


def clear(config: Config, log: logging.Logger) -> None:
    """Remove what a capture that was killed has left."""
    folder = packets_folder(config)
    strays.end(folder)
    ring.remove(folder)
    trace.remove(config.pin_dir, log)


class Recorders:
    """The recorders of one daemon. Nothing here waits, and nothing raises."""

    def __init__(self, config: Config, log: logging.Logger) -> None:
        actions = wanted(config)
        self._packets: PacketRing | None = None
        self._trace: TraceBuffer | None = None
        if ActionName.TCPDUMP in actions:
            self._packets = PacketRing(packets_folder(config), config.capture.tcpdump, log)
        if ActionName.TRACE in actions:
            self._trace = TraceBuffer(config.pin_dir, config.capture.trace, log)

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
