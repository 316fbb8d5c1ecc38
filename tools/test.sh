#!/bin/sh
# Runs every test of a build folder and ends with the line "N passed, N failed".
# usage: tools/test.sh BUILD
set -u
meson test -C "$1" --no-rebuild --print-errorlogs
exec python3 tools/tally.py "$1/meson-logs/testlog.json"
