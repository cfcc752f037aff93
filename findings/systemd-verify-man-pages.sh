#!/usr/bin/env bash
# systemd 252 (Debian 12): `systemd-analyze verify` of a unit whose Documentation= names a man page.
# Expected: Documentation= is a hint for people; verify looks at its syntax, not at what is installed.
# Seen: verify runs man(1) for each `man:` reference. Where the page is not there yet (a unit checked in its source tree,
# or while a package is built) it prints "Command 'man no-such-page(8)' failed with code 16" and exits 1. With --man=no the
# same unit passes; a `file:` reference to a file that does not exist passes in both cases.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
version=252.39-1~deb12u2
for package in "systemd=$version" "libsystemd-shared=$version" man-db=2.11.2-2 libpipeline1=1.5.7-1 libgdbm6=1.23-3; do
	apt-get download -qq "$package" >/dev/null 2>&1 || { echo "$package cannot be downloaded"; exit 2; }
done
for file in *.deb; do dpkg -x "$file" unpacked; done
lib=unpacked/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -dumpmachine)
export LD_LIBRARY_PATH="$PWD/$lib:$PWD/$lib/systemd:$PWD/$lib/man-db:$PWD/unpacked/usr/lib/man-db" PATH="$PWD/unpacked/usr/bin:$PATH"

verify() { # reference, options
	printf '[Unit]\nDocumentation=%s\n[Service]\nExecStart=/bin/true\n' "$1" >probe.service
	shift
	systemd-analyze "$@" verify "$PWD/probe.service" 2>>messages.txt
}

systemd-analyze --version | head -n 1 | grep -q "^systemd 252 " || { echo "changed: not systemd 252"; exit 1; }
if verify "man:no-such-page(8)"; then
	echo "changed: a page that is not installed passes"
	exit 1
fi
grep -q "failed with code 16" messages.txt || { echo "changed: it fails for another reason"; cat messages.txt; exit 1; }
verify "man:no-such-page(8)" --man=no || { echo "changed: --man=no does not help"; exit 1; }
verify "file:///no/such/file" || { echo "changed: a missing file is refused, too"; exit 1; }
echo "systemd 252: verify fails for a man page that is not installed, and not for a file"
