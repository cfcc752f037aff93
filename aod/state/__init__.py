"""What outlives a process: small files in the runtime, state and output folders.

spool        anomalies waiting for capture
ledger       each anomaly that capture knows of, and its outcome
counters     the recent past of the kernel's counters
report_file  a small JSON report of one process to others
lock         locks of files, and the daemon's own
names        of files, by timestamp"""
