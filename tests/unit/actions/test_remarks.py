"""A log that says that it lost lines is not taken for a whole one."""

from aod.actions.remarks import Remarks

LOG = b"""\
2026-11-30T10:00:00+0000 ws01 systemd-journald[311]: Suppressed 20 messages from kubelet.service
2026-11-30T10:00:01+0000 ws01 systemd-journald[311]: Missed 5 kernel messages
2026-11-30T10:00:02+0000 ws01 systemd-journald[311]: Suppressed 1003 messages from kubelet.service
2026-11-30T10:00:02+0000 ws01 kernel: cifs_dbg: 7 callbacks suppressed
2026-11-30T10:00:03+0000 ws01 rsyslogd: imjournal: 12 messages lost due to rate-limiting (20000 ...)
2026-11-30T10:00:04+0000 ws01 app: no messages were suppressed
"""


def test_lost_lines_are_summed_by_whose_they_were() -> None:
    remarks = Remarks()
    for line in LOG.splitlines(keepends=True):
        remarks.feed(line)
    assert remarks.note() == (
        "journald dropped 1,023 messages of kubelet.service; rsyslog dropped 12 messages; "
        "the kernel dropped 7 messages of cifs_dbg; journald missed 5 messages of kernel"
    )


def test_pieces_make_no_difference() -> None:
    whole = Remarks()
    whole.feed(LOG)
    assert whole.note().startswith("journald dropped 1,023 messages")


def test_many_units_are_counted_and_not_named() -> None:
    remarks = Remarks()
    for number in range(9):
        remarks.feed(b"Suppressed %d messages from u%d.service\n" % (number + 1, number))
    assert remarks.note().count(";") == 4
    assert remarks.note().endswith("; and of 5 others")


def test_a_whole_log_has_none() -> None:
    remarks = Remarks()
    remarks.feed(b"kernel: CIFS: VFS: \\\\srv has not responded in 180 seconds\n")
    assert remarks.note() == ""
