#!/usr/bin/env bash
# scdoc 1.11.2 and groff 1.22.4 (Debian 12): hyphenation of pages that scdoc makes.
# Expected: none. scdoc writes .nh on top of every page to switch it off, so names of keys and options stay whole and can be
# copied and searched for.
# Seen: the .nh stands before .TH, and groff's man macros switch hyphenation on again in .TH. A long name in a table comes out
# as "capture.max_to-" and, a line below, "tal_log_size_megabytes_per_day". With the same .nh behind .TH it stays whole.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq scdoc=1.11.2-1 groff-base=1.22.4-10 libuchardet0=0.0.7-1 >/dev/null 2>&1 ||
	{ echo "scdoc 1.11.2-1 and groff-base 1.22.4-10 cannot be downloaded"; exit 2; }
for file in *.deb; do dpkg -x "$file" unpacked; done
share=$PWD/unpacked/usr/share/groff/1.22.4
export PATH="$PWD/unpacked/usr/bin:$PATH" GROFF_FONT_PATH="$share/font" GROFF_TMAC_PATH="$share/tmac" GROFF_BIN_PATH="$PWD/unpacked/usr/bin"
name=capture.max_total_log_size_megabytes_per_day

render() { groff -t -man -Tutf8 -rLL=78n -P-c -P-b -P-u "$1" 2>/dev/null; }
printf 'probe(5)\n\n# NAME\n\nprobe - keys\n\n# KEYS\n\n[[ key\n:[ type\n:< meaning\n|  %s\n:  number or a list of names\n:  %s\n\n' \
	"$name" "what the daemon does with the file when it is larger than its limit" >probe.scd
scdoc <probe.scd >before.5
grep -n -m 2 -E '^\.(nh|TH)' before.5 | cut -d: -f2 | cut -c1-3 | tr '\n' ' ' | grep -q '^\.nh \.TH' ||
	{ echo "changed: scdoc does not write .nh before .TH"; exit 1; }
sed 's/^\(\.TH .*\)$/\1\n.nh/' before.5 >behind.5

render behind.5 | grep -q "$name" || { echo "changed: broken with .nh behind .TH, too"; exit 1; }
if render before.5 | grep -q "$name"; then
	echo "changed: the name stays whole as scdoc writes the page"
	exit 1
fi
render before.5 | grep -q 'tal_log_size_megabytes_per_day' || { echo "changed: it is broken in another way"; exit 1; }
echo "scdoc 1.11.2 with groff 1.22.4: the page is hyphenated, for .nh stands before .TH"
