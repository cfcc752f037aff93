#!/usr/bin/env bash
# scdoc 1.11.2: a table that is the last thing of a page.
# Expected: the end of the file ends the table, as it ends a paragraph; or an error with the line, as scdoc gives for a
# literal block that is not closed.
# Seen: without an empty line behind it the whole table is missing from the page, with exit status 0 and no message. One
# empty line more, and it is there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq scdoc=1.11.2-1 >/dev/null 2>&1 || { echo "scdoc 1.11.2-1 cannot be downloaded"; exit 2; }
dpkg -x scdoc_*.deb unpacked
scdoc=unpacked/usr/bin/scdoc
table='[[ *key*\n:[ *type*\n|  ring_mb\n:  number\n'

printf 'probe(5)\n\n# NAME\n\nprobe - a page\n\n%b' "$table" >without.scd
printf 'probe(5)\n\n# NAME\n\nprobe - a page\n\n%b\n' "$table" >with.scd
"$scdoc" <without.scd >without.5 2>messages.txt || { echo "changed: it is an error now"; cat messages.txt; exit 1; }
"$scdoc" <with.scd >with.5
[ ! -s messages.txt ] || { echo "changed: there is a message"; cat messages.txt; exit 1; }
grep -q ring_mb with.5 || { echo "changed: the table is missing in both"; exit 1; }
if grep -q ring_mb without.5; then
	echo "changed: the table is there without the empty line"
	exit 1
fi
echo "scdoc 1.11.2: a table at the very end of a page is left out, with exit status 0"
