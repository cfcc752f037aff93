"""Redaction: names in a bundle become `user-1`, `host-2` and so on, the same in all its files.

A child process does it (`python -m aod.bundles.redact`), as it may take seconds. First every
name is gathered where its place shows what it is (`of_client`, `of_programs`) or its domain is
known (`domains`), then all of them are replaced wherever they stand (`text`), in any spelling
(`spellings`, `letters`, `hexed`). The mapping is thrown away."""
