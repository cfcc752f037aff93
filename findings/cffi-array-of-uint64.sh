#!/usr/bin/env bash
# cffi 2.1.1: a struct field that is an array of uint64_t to cffi and of __u64 (long long) in the header.
# Expected: fine, as for a scalar field: the two types have the same size and sign, and cffi's ABI check is on those.
# Seen: the check that cffi generates takes the array's address as a pointer to the declared type. gcc 12 warns of
# incompatible pointer types; gcc 14 makes that an error, so a module that built for years no longer does. The scalar passes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cffi==2.1.1 pycparser==3.12

emit() { # declaration for cffi, file to write
	venv/bin/python - "$1" "$2" <<'EOF'
import sys, cffi
builder = cffi.FFI()
builder.cdef("struct counters { %s };" % sys.argv[1])
header = "#include <linux/types.h>\nstruct counters { %s };" % sys.argv[1].replace("uint64_t", "__u64")
builder.set_source("_probe", header)
builder.emit_c_code(sys.argv[2])
EOF
}
compiles() { # as gcc 14 does without any flag
	gcc -c -fPIC -Werror=incompatible-pointer-types $(python3-config --includes) "$1" -o probe.o 2>errors.txt
}

emit "uint64_t total;" scalar.c
emit "uint64_t by_command[40];" array.c
compiles scalar.c || { echo "changed: the scalar field is refused, too"; cat errors.txt; exit 1; }
if compiles array.c; then
	echo "changed: the array field is taken"
	exit 1
fi
grep -q "incompatible pointer type" errors.txt || { echo "changed: another error"; cat errors.txt; exit 1; }
echo "cffi 2.1.1: uint64_t against __u64 passes as a scalar, and fails to compile as an array"
