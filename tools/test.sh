#!/bin/sh
# Runs every test of a build folder and ends with the line "N passed, N failed".
# usage: tools/test.sh BUILD
set -u
log=$1/meson-logs/testlog.json
rm -f "$log" # never count an old run
meson test -C "$1" --no-rebuild --print-errorlogs
exec python3 "$(dirname "$0")/tally.py" "$log"
