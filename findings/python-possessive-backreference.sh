#!/bin/sh
# CPython 3.11.2 as Debian 12 has it (3.11.2-6+deb12u8): a possessive repeat with a back reference in a look-ahead.
# Expected: `(['"])(?:\\.|(?!\1)[^\\\n])*+\1` finds a quoted string with `*+` (new in 3.11) as with `*`: what is repeated
# cannot match the closing quote, so there is nothing to give back.
# Seen: with `*+` nothing is found, and no error raised: within the possessive repeat the group that the look-ahead refers
# to seems not to be set, so the repeat runs over the closing quote. 3.11.7 finds the string, and so does Debian's security
# update deb12u9 of the same 3.11.2: two hosts with one version of Python disagree. A pattern that hides something, right
# where it was written, hides nothing there. So ours repeat greedily where a back reference stands in the repeat.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in python3.11-minimal libpython3.11-minimal; do
	apt-get download -qq "$package=3.11.2-6+deb12u8" >/dev/null 2>&1 || { echo "$package cannot be downloaded"; exit 2; }
	dpkg -x "$package"_*.deb unpacked
done
cat >try.py <<'PYTHON'
import re
import sys

repeat = r"""(['"])(?:\\.|(?!\1)[^\\\n])*{}\1"""
greedy, possessive = (re.search(repeat.format(way), "say 'a b' now") for way in ("", "+"))
found = [match and match[0] for match in (greedy, possessive)]
print(f"Python {sys.version.split()[0]}, deb12u8: greedy finds {found[0]}, possessive finds {found[1]}")
sys.exit(found != ["'a b'", None])
PYTHON
PYTHONHOME="$work/unpacked/usr" unpacked/usr/bin/python3.11 -I -S try.py
