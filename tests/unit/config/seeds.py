"""Small configurations that are right, and together use every key."""

from tests.unit.config.yaml_text import Data

SEEDS: tuple[Data, ...] = (
    {
        "guardian": {
            "anomalies": {
                "slow": {
                    "type": "Latency",
                    "tool": "smbslower",
                    "mode": "all",
                    "acceptable_count": 3,
                    "default_threshold_ms": 20,
                    "emergency_threshold_ms": None,
                    "track_commands": [
                        {"command": "SMB2_READ", "threshold": 5.5, "emergency_threshold_ms": 900}
                    ],
                }
            }
        }
    },
    {
        "guardian": {
            "anomalies": {
                "a": {
                    "type": "Latency",
                    "mode": "excludeonly",
                    "exclude_commands": ["SMB2_WRITE"],
                    "actions": ["dmesg", "stats"],
                    "cooldown_sec": 0,
                }
            }
        },
        "watch_interval_sec": 0.5,
    },
    {
        "guardian": {
            "anomalies": {
                "failed": {
                    "type": "Error",
                    "tool": "smbiosnoop",
                    "mode": "trackonly",
                    "acceptable_count": 0,
                    "track_codes": ["EIO", "STATUS_DISK_FULL"],
                    "commands": ["SMB2_READ"],
                }
            }
        },
        "watcher": {"actions": ["mounts"]},
    },
    {
        "guardian": {
            "anomalies": {
                "e": {
                    "type": "Error",
                    "mode": "excludeonly",
                    "exclude_codes": ["EACCES"],
                    "actions": [],
                    "cooldown_sec": 5,
                }
            }
        },
        "audit": {"enabled": False},
    },
    {
        "guardian": {
            "anomalies": {
                "c": {
                    "type": "Connection",
                    "tool": "smbconn",
                    "acceptable_count": 1,
                    "events": ["reconnect"],
                    "actions": ["dmesg"],
                    "cooldown_sec": 3,
                }
            }
        }
    },
    {
        "guardian": {"anomalies": {"e": {"type": "Error"}}},
        "aod_output_dir": "/a",
        "runtime_dir": "/b",
        "state_dir": "/c",
        "pin_dir": "/sys/fs/bpf/d",
        "user": "nobody",
        "recorder": "matching",
        "unanswered_sec": 30.5,
    },
    {
        "guardian": {"anomalies": {"e": {"type": "Error"}}},
        "ring_mb": 16,
        "event_log_mb": 32,
        "max_inflight": 4096,
        "cleanup": {
            "cleanup_interval_sec": 5,
            "max_log_age_days": 0.5,
            "max_total_log_size_mb": 10,
        },
    },
    {
        "guardian": {"anomalies": {"e": {"type": "Error"}}},
        "capture": {
            "max_concurrent_captures": 2,
            "history_sec": 5.5,
            "post_sec": 2,
            "compression_level": 19,
            "action_timeout_sec": 2,
            "max_file_mb": 1.5,
            "max_waiting": 4,
            "lookback_sec": 60,
            "max_bundle_mb": 20,
            "min_free_mb": 0,
            "min_free_percent": 0.5,
            "redact": True,
            "snapshot_on_stop": True,
            "proc_cifs": "never",
            "tcpdump": {
                "ring_mb": 4,
                "snaplen": 256,
                "headers_only": False,
                "ports": [445, 4455],
                "folder": "/var/lib/aod-packets",
            },
            "trace": {"buffer_mb": 1.5},
        },
        "audit": {"enabled": False, "max_mb": 0.5, "files": 2},
    },
    {
        "guardian": {"anomalies": {"e": {"type": "Error"}}},
        "supervision": {
            "attempts": 3,
            "window_sec": 30,
            "first_delay_sec": 0.1,
            "longest_delay_sec": 9,
            "heartbeat_timeout_sec": 5,
            "drain_timeout_sec": 2,
        },
    },
)
