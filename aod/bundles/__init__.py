"""A bundle: what is in it, and how it is made.

bundle      from an anomaly to its sealed archive
filling     what goes into the folder, and when
workfolder  that folder, locked while its maker lives
progress    how far it has come, for who goes on with it
history     events.npy: the operations around the trigger
histograms  stats.json: the kernel's counters before and at the trigger
contents    what each file is
manifest    manifest.json: all of it, for programs
summary     SUMMARY.txt: the same on one screen
redaction   names out of the folder, where that is asked for
archive     the compressed tar that it becomes
"""
