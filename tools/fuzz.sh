#!/bin/sh
# Feeds every fuzz target of a libFuzzer build for some seconds each. What it finds worth keeping stays in BUILD/corpus/TARGET;
# an input that crashes, leaks or takes more than 2 seconds is left as BUILD/TARGET-crash-... and ends the run.
# usage: tools/fuzz.sh BUILD SECONDS
set -eu
seeds=$(cd "$(dirname "$0")/../fuzz/seeds" && pwd)
cd "$1"
for target in fuzz/fuzz_*; do
	[ -f "$target" ] || continue
	name=${target##*/fuzz_}
	mkdir -p "corpus/$name"
	cp fuzz/tiny.* "$seeds"/*/* "corpus/$name/"
	case $name in gguf | tokenizer_json | docx) longest=32768 ;; *) longest=4096 ;; esac
	echo "$name, $2 s"
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 "$target" -max_total_time="$2" -max_len=$longest -timeout=2 -rss_limit_mb=1024 \
		-artifact_prefix="$name-" -print_final_stats=1 -verbosity=0 "corpus/$name" 2>"$name.log" || {
		cat "$name.log"
		exit 1
	}
	grep -E 'number_of_executed_units|slowest_unit' "$name.log"
done
