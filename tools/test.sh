#!/bin/sh
# Runs every test of a build folder and ends with the line "N passed, N failed".
# usage: tools/test.sh BUILD
set -u
log=$1/meson-logs/testlog.json
rm -f "$log" # never count an old run
# Some tests need a real model; without one, and without a network, they are skipped.
if [ -z "${ATTUNE_TEST_MODEL:-}" ] && ATTUNE_TEST_MODEL=$("$1/attune" pull --quiet smollm2-135m); then
	export ATTUNE_TEST_MODEL
fi
meson test -C "$1" --no-rebuild --print-errorlogs
exec python3 "$(dirname "$0")/tally.py" "$log"
