#!/bin/sh
# The rules of the source tree, as TAP. Tests (x_test.c) and what only they include (test_*.h) keep only the first:
#   1. a room includes only rooms below it (the table here), and of those only the public header ROOM/ROOM.h
#   2. only cli prints to stdout, reads the command line or exits; stderr belongs to base's log and progress
#   3. no file is longer than 600 lines (generated tables, *_table.c, excepted)
# usage: layering.sh SOURCE_ROOT
set -eu

# The rooms that each room may include besides itself.
rooms_below() {
	case $1 in
	base) echo ;;
	kern | store | hub) echo base ;;
	format) echo base kern ;;
	data) echo base format ;;
	model) echo base kern format ;;
	search) echo base kern format model store ;;
	train) echo base kern format model ;;
	eval) echo base format data model search ;;
	flow) echo base kern format model train data search store eval hub ;;
	serve) echo base kern format model train data search store eval hub flow ;;
	cli) echo base kern format model train data search store eval hub flow serve ;;
	*) echo "unknown" ;;
	esac
}

# Comments and strings say "exit" and "printf" too; blank them out, keep the lines. An #include keeps its string.
code_only() {
	awk '{
		line = $0; out = ""
		if (!comment && line ~ /^[ \t]*#[ \t]*include/) { print line; next }
		while (line != "") {
			if (comment) {
				if (!(at = index(line, "*/"))) break
				line = substr(line, at + 2); comment = 0
			} else if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^\047([^\047\\]|\\.)*\047/)) {
				out = out "\"\""; line = substr(line, RLENGTH + 1)
			} else if (substr(line, 1, 2) == "/*") {
				line = substr(line, 3); comment = 1
			} else if (substr(line, 1, 2) == "//") {
				break
			} else {
				out = out substr(line, 1, 1); line = substr(line, 2)
			}
		}
		print out
	}' "$1"
}

# Prints one line for each include of `file` (in room `room`) that the table forbids.
check_includes() {
	room=$1 file=$2
	allowed=" $room $(rooms_below "$room") "
	code_only "$file" | sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' | while read -r header; do
		of=${header%%/*}
		case $header in
		*..*) echo "$file: includes \"$header\": name it from src/, as \"room/header.h\"" ;;
		"$room"/*) ;;
		*/*)
			case $allowed in
			*" $of "*) ;;
			*) echo "$file: $room must not include \"$header\" (allowed:$allowed)" ;;
			esac
			[ "$header" = "$of/$of.h" ] || echo "$file: includes \"$header\", a private header of $of"
			;;
		*) [ -e "${file%/*}/$header" ] || echo "$file: includes \"$header\", which is not in its room" ;;
		esac
	done
}

check_calls() {
	room=$1 file=$2
	[ "$room" != cli ] || return 0
	call='(^|[^_[:alnum:]])'
	code_only "$file" | grep -nE "$call(printf|puts|putchar|vprintf|exit|_exit|_Exit|abort|quick_exit|err|errx)[ ]*\\(|${call}stdout([^_[:alnum:]]|\$)" |
		sed "s|^\([0-9]*\):|$file:\1: only cli prints and exits: |"
	case $file in */base/log.c | */base/progress.c) return 0 ;; esac
	code_only "$file" | grep -nE "$call(stderr|perror)([^_[:alnum:]]|\$)" | sed "s|^\([0-9]*\):|$file:\1: stderr goes through log_line: |"
}

check_length() {
	case $2 in *_table.c) return 0 ;; esac
	lines=$(wc -l <"$2")
	[ "$lines" -le 600 ] || echo "$2: $lines lines, at most 600"
}

# check NAME FUNCTION FILES: one TAP line for all files of all rooms.
n=0
check() {
	n=$((n + 1))
	found=$(for file in "$root"/src/*/*.[ch] "$root"/src/*/*.inc; do
		[ -e "$file" ] || continue # a pattern that matched nothing
		case $file in *_test.[ch] | */test_*.h) [ "$2" = check_includes ] || continue ;; esac
		room=${file%/*}
		"$2" "${room##*/}" "$file" || true
	done)
	if [ -z "$found" ]; then
		echo "ok $n - $1"
	else
		echo "$found" | sed 's/^/# /'
		echo "not ok $n - $1"
	fi
}

check_all() {
	check "rooms include only what lies below, by its public header" check_includes
	check "only cli prints and exits" check_calls
	check "files are at most 600 lines" check_length
}

# A tree that breaks every rule once, and one line that looks like it does: the checks must see exactly the former.
self_test() {
	root=$(mktemp -d)
	trap 'rm -rf "$root"' EXIT
	mkdir -p "$root/src/kern" "$root/src/model" "$root/src/base" "$root/src/cli" "$root/src/attic"
	cat >"$root/src/kern/a.c" <<-'END'
		#include "model/model.h"
		#include "base/log.h"
		#include "../base/base.h"
		#include "nowhere.h"
		/* exit(1) and
		   printf("") in a comment */
		const char *s = "exit(1) /*"; int my_exit(int x); // abort()
		void f(void) { fprintf(stderr, ""); }
		void g(void) { printf(""); }
		void h(void) { fputs("", stdout); }
		void i(void) { exit (1); }
	END
	echo '#include "kern/kern.h"' >"$root/src/attic/a.c"
	echo '#include "kern/kern.h"' >"$root/src/model/a_test.c"
	echo 'void f(void) { exit(1); }' >"$root/src/cli/a.c"
	seq 601 >"$root/src/base/long.c"
	seq 600 >"$root/src/base/short.c"
	seq 700 >"$root/src/base/some_table.c"
	got=$(check_all | sed -n 's/^# [^ ]*\/src\///p' | cut -d' ' -f1 | LC_ALL=C sort | uniq -c | sed 's/^ *//')
	want='1 attic/a.c:
1 base/long.c:
4 kern/a.c:
1 kern/a.c:10:
1 kern/a.c:11:
1 kern/a.c:8:
1 kern/a.c:9:'
	if [ "$got" = "$want" ]; then
		echo "ok 4 - the checks see each violation"
	else
		echo "$got" | sed 's/^/# /'
		echo "not ok 4 - the checks see each violation"
	fi
}

root=$1
echo 1..4
check_all
self_test
