# The front door. Meson and Ninja do the work, in build/.
PREFIX ?= /usr/local

all: deps build/build.ninja
	@ninja -C build

help:
	@echo 'make            build attune into build/'
	@echo 'make demo       train on the bundled sample and show the answers before and after'
	@echo 'make test       build and run every test'
	@echo 'make asan       the same tests under AddressSanitizer and UBSan, in build-asan/'
	@echo 'make fuzz       feed broken files to every parser, SECONDS=60 each'
	@echo 'make bench      training, prefill and decode speed on this machine'
	@echo 'make install    into PREFIX=$(PREFIX)'
	@echo 'make clean      remove what was built'

deps:
	@tools/deps.sh

build/build.ninja:
	meson setup --prefix=$(PREFIX) build

build-asan/build.ninja:
	meson setup -Db_sanitize=address,undefined build-asan

demo: all
	build/attune run sample

test: all
	@tools/test.sh build

asan: deps build-asan/build.ninja
	@ninja -C build-asan
	@tools/test.sh build-asan

install: all
	meson install -C build --no-rebuild

clean:
	rm -rf build build-asan

.PHONY: all help deps demo test asan install clean
