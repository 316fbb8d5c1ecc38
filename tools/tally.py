#!/usr/bin/env python3
"""Counts the single test cases of a Meson test log and ends with the line "N passed, N failed"; exit 1 when any failed.

A test program speaks TAP, one line a case. One that crashed, ran out of time or printed fewer cases than it planned counts as one
more failure; one that does not speak TAP counts as one case.
"""
import json
import re
import sys

passed = failed = skipped = 0
with open(sys.argv[1], encoding="utf-8") as log:
    for line in log:
        run = json.loads(line)
        output = run.get("stdout", "")
        plan = re.search(r"^1\.\.(\d+)", output, re.MULTILINE)
        cases = re.findall(r"^(ok|not ok)\b(.*)", output, re.MULTILINE)
        skips = sum("# SKIP" in rest for _, rest in cases)  # cmocka says "not ok 3 # SKIP name"
        bad = sum(word == "not ok" and "# SKIP" not in rest for word, rest in cases)
        good = len(cases) - skips - bad
        complete = not plan or len(cases) >= int(plan[1])
        if run["result"] == "SKIP":
            skips = max(skips, 1)
        elif run["result"] == "OK" and complete:
            good = good or not cases
        elif not bad:
            bad = 1
            print(f"{run['name']}: {run['result'].lower()}, exit status {run['returncode']}")
        passed, failed, skipped = passed + good, failed + bad, skipped + skips

if skipped:
    print(f"{skipped} skipped")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or passed == 0)
