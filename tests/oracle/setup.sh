#!/bin/sh
# The oracle's Python environment, in build/oracle (or $1): PyTorch (CPU), transformers, peft, gguf, sacrebleu, and the clients of clients.py. More packages may be named behind the folder: bench and quantize.py want llama-cpp-python, which compiles for long. Never needed to build, test or run attune.
set -eu
cd "$(dirname "$0")/../.."
venv=${1:-build/oracle}
[ $# -eq 0 ] || shift
test -x "$venv/bin/python" || python3 -m venv "$venv"
# llama.cpp's products with AMX crash in its first batch (llama-cpp-python 0.3.36), so it is compiled without.
test "$(uname -m)" != x86_64 || export CMAKE_ARGS="-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8 ${CMAKE_ARGS:-}"
"$venv/bin/pip" install -q torch transformers peft gguf sentencepiece protobuf sacrebleu openai llm "lm-eval[api]" prometheus-client "$@"
"$venv/bin/python" -c 'import torch, transformers, peft, gguf; print("oracle: torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)'
