"""Redaction: names in a bundle become `user-1`, `host-2` and so on, the same in all its files.

A child process does it (`python -m aod.bundles.redact`), as it may take seconds. First every
name is gathered where its place shows what it is, or its domain is known; then all of them are
replaced wherever they stand, in any spelling. The mapping is thrown away.

folder       a bundle's folder: both passes over its files
gathering    the first: which names there are
text         the second: they become their pseudonyms
kinds        the kinds of names, and their pseudonyms
contexts     the places that show what a name is
of_client    those of the kernel's client
of_programs  those of programs
forms        what they consist of
domains      accounts and hosts of domains that are known
spellings    how a name may be written
letters      capitals and accents
hexed        what audit records write as hex
pcap         packets"""
