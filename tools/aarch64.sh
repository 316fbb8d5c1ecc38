#!/bin/sh
# Cross-builds kernels, model and training for aarch64 and runs their tests under qemu-user (8 minutes on two cores); Debian on x86-64.
# usage: tools/aarch64.sh [SUITE...]; kern model train unless told otherwise
set -eu
cd "$(dirname "$0")/.."
packages="gcc-aarch64-linux-gnu qemu-user libc6-dev:arm64 libgomp1:arm64 libcmocka-dev:arm64 libjansson-dev:arm64 libssl-dev:arm64 libutf8proc-dev:arm64 libyaml-dev:arm64"
if ! dpkg -s $packages >/dev/null 2>&1; then
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	$sudo dpkg --add-architecture arm64
	$sudo apt-get update -q
	$sudo apt-get install -q -y --no-install-recommends $packages
fi
[ -e build-aarch64/build.ninja ] || meson setup --cross-file tools/aarch64.ini -Dmodel_only=true build-aarch64
ninja -C build-aarch64
[ $# -gt 0 ] || set -- kern model train
for suite; do
	shift
	set -- "$@" --suite "$suite"
done
exec meson test -C build-aarch64 --no-rebuild --timeout-multiplier 10 --print-errorlogs "$@"
