#!/bin/sh
# The flags of a release build have arrived in the program. As TAP.
# usage: hardening.sh PROGRAM
set -eu
n=0
# check NAME PATTERN: what readelf says holds PATTERN.
check() {
	n=$((n + 1))
	if echo "$elf" | grep -qE "$2"; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

elf=$(readelf -hldnW --dyn-syms "$1")
echo 1..5
check 'position-independent' 'Type:[ ]+DYN'
check 'read-only relocations' 'GNU_RELRO'
check 'bound at start' 'BIND_NOW|Flags:.*NOW'
check 'stack protector' '__stack_chk_fail'
check 'checked library calls' '__(mem|str|v?snprintf)[a-z]*_chk@'
