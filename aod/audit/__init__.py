"""The audit log: one JSON line in the output folder for each thing that the daemon did.

daemon   the supervisor's entries: starts, respawns, reloads, losses
entries  the kinds of entries, and how they are encoded
forked   writes from a process that must never wait, through forked children
log      appends to the file, rotates it, and reads it back"""
