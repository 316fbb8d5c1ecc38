# The front door. Meson and Ninja do the work, in build/.
PREFIX ?= /usr/local
TIME ?= 60
RESULTS ?= sample/.attune

all: build/build.ninja
	@ninja -C build attune

help:
	@echo 'make            build attune into build/'
	@echo 'make demo       train on the bundled sample and show the answers before and after'
	@echo 'make test       build and run every test'
	@echo 'make asan       the same tests under AddressSanitizer and UBSan, in build-asan/'
	@echo 'make aarch64    kernels, model and training for aarch64, their tests under qemu-user; eight minutes (Debian on x86-64)'
	@echo 'make fuzz       feed broken input to every parser, TIME=60 seconds each (clang)'
	@echo 'make soak       send 100,000 requests of all kinds to a server, whose memory and descriptors may not grow; half an hour'
	@echo 'make bench      speed and memory beside PyTorch and llama.cpp by turns, ten minutes (downloads and compiles both, or ORACLE=VENV)'
	@echo 'make round      does review make the next drafts better? drafts, a simulated editor, training, drafts: an hour and more after make demo'
	@echo 'make page       hold the page of attune serve to axe-core in a browser, photographs in build/page (downloads axe-core)'
	@echo 'make shots      the photographs of the page in docs/, of RESULTS=sample/.attune as make demo leaves it'
	@echo 'make oracle     hold every model family to PyTorch, and MODEL=x.gguf too; half an hour and more (downloads PyTorch)'
	@echo 'make install    into PREFIX=$(PREFIX)'
	@echo 'make clean      remove what was built'

deps:
	@tools/deps.sh

build/build.ninja: | deps
	meson setup build

build-asan/build.ninja: | deps
	meson setup -Db_sanitize=address,undefined build-asan

build-fuzz/build.ninja: | deps
	@tools/deps.sh clang
	CC=clang meson setup -Dfuzz=true -Dwerror=false -Db_sanitize=address,undefined -Db_lundef=false \
		-Dc_args=-fsanitize=fuzzer-no-link build-fuzz

demo: all
	build/attune run sample

test: build/build.ninja
	@tools/deps.sh browser
	@ninja -C build
	@tools/test.sh build

asan: build-asan/build.ninja
	@ninja -C build-asan
	@tools/test.sh build-asan

fuzz: build-fuzz/build.ninja
	@ninja -C build-fuzz fuzz_targets
	@tools/fuzz.sh build-fuzz $(TIME)

soak: all
	@nice -n 10 python3 tests/soak.py build/attune tests/golden

bench: all
	@tools/bench.sh

oracle: all
	@ninja -C build tests/tokenize_tool tests/gradient_tool
	@tests/oracle/setup.sh
	@build/oracle/bin/python tests/oracle/families.py build $(if $(MODEL),--real $(MODEL))
	@$(if $(MODEL),tests/oracle/check.sh build $(MODEL))
	@$(if $(MODEL),build/oracle/bin/python tests/oracle/clients.py build/attune $(MODEL))

round: all
	python3 bench/round.py --out build/round build/attune sample

page: all
	@tools/deps.sh browser
	@test -x build/axe/bin/pip || python3 -m venv build/axe
	@build/axe/bin/pip install -q axe-core-python
	@mkdir -p build/page
	@ATTUNE_AXE=$$(echo build/axe/lib/python3*/site-packages/axe_core_python/axe.min.js) ATTUNE_SHOTS=build/page \
		/usr/bin/python3 tests/page_browser.py build/attune tests/golden

shots: all
	@tools/deps.sh browser
	@/usr/bin/python3 tests/page_shots.py build/attune tests/golden $(RESULTS) docs

install: all
	meson configure build --prefix=$(abspath $(PREFIX))
	meson install -C build --quiet

clean:
	rm -rf build build-asan build-fuzz

aarch64:
	@tools/aarch64.sh

.PHONY: all help deps demo test aarch64 asan fuzz soak bench oracle page shots round install clean
