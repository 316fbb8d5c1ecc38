#!/bin/sh
# attune beside PyTorch + PEFT and llama.cpp on this machine, by turns; the result is in build/bench. Needs both peers: tests/oracle/setup.sh installs them
# into build/oracle (llama.cpp is compiled, ten minutes) unless ORACLE names a Python environment that has them.
# usage: tools/bench.sh [FLAGS of bench/speed.py]
set -eu
cd "$(dirname "$0")/.."
oracle=${ORACLE:-build/oracle}
"$oracle/bin/python" -c 'import torch, peft, gguf, llama_cpp' 2>/dev/null || tests/oracle/setup.sh "$oracle" llama-cpp-python
model=$(build/attune pull smollm2-135m)
test -e build/hf/config.json || "$oracle/bin/python" tests/oracle/hf_model.py "$model" build/hf
"$oracle/bin/python" bench/weights.py "$model" build/bench
exec "$oracle/bin/python" bench/speed.py build/attune "$model" build/hf build/bench "$@"
