"""A bundle: what is in it, and how it is made.

bundle      from an anomaly to its sealed archive
filling     what goes into the folder, and when
workfolder  that folder, locked while its maker lives
progress    how far it has come, for a maker that continues it
operations  events.npy: the operations around the trigger
history     what the event log has of them
evidence    what came with the anomaly, and the log may lack
sorting     all of them in one order, piece by piece
histograms  stats.json: the kernel's counters before and at the trigger
contents    what each file is
manifest    manifest.json: all of it, for programs
summary     SUMMARY.txt: all of it on one screen
redaction   runs the child that replaces names
redact      that child's program
retention   which bundles may stay, and for how long
archive     the compressed tar that it becomes"""
