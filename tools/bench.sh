#!/bin/sh
# Training speed on this machine, attune and PyTorch + PEFT by turns. Needs PyTorch for the peer: tests/oracle/setup.sh installs it
# into build/oracle unless ORACLE names a Python environment that has it.
# usage: tools/bench.sh [FLAGS of bench/train.py]
set -eu
cd "$(dirname "$0")/.."
oracle=${ORACLE:-build/oracle}
test -x "$oracle/bin/python" || tests/oracle/setup.sh "$oracle"
model=$(build/attune pull smollm2-135m)
test -e build/hf/config.json || "$oracle/bin/python" tests/oracle/hf_model.py "$model" build/hf
exec "$oracle/bin/python" bench/train.py build/attune "$model" build/hf "$@"
