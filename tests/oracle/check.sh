#!/bin/sh
# Holds the built attune to PyTorch on the real model: token ids, log-probabilities, gradients, a 20-step run, adapters. Takes some twenty minutes
# on two cores. Every line that begins with "ok" or "FAILED" is one demand; the exit status is 1 when one failed.
# usage: tests/oracle/check.sh BUILD MODEL.gguf [WORK]        Python: $ORACLE, else build/oracle (setup.sh)
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) gguf=$(realpath "$2") work=${3:-$build/oracle-check}
python=${ORACLE:-$here/../../build/oracle}/bin/python
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
mkdir -p "$work" && cd "$work" || exit 1
status=0

demand() { # demand TEXT COMMAND...: the command's last line is the evidence
	text=$1
	shift
	if "$@" >demand.out 2>demand.err; then verdict=ok; else verdict=FAILED status=1; fi
	echo "$verdict $text: $(tail -n 1 demand.out)"
	[ $verdict = ok ] || tail -n 3 demand.err
}

figure() { # figure NAME FILE: the number of that name in the last line of a script's output
	tail -n 1 "$2" | sed -n "s/.*\"$1\": \([-0-9.e]*\).*/\1/p"
}

test -e hf/config.json || "$python" "$here/hf_model.py" "$gguf" hf || exit 1
grep -v -e 'Say little' -e '"content": " "' "$here/../golden/rows.jsonl" >rows.jsonl # here their prompts are no prefixes of the rows
for f in "$here"/../../sample/docs/*.md; do
	"$python" -c 'import json, sys; print(json.dumps({"text": open(sys.argv[1]).read()[:400]}))' "$f"
done | cat rows.jsonl - >texts.jsonl

documents=/usr/share/doc/sqlite3
test -d $documents || documents=/usr/share/doc/sqlite3-doc
demand "token ids, mixed text and sqlite3-doc" sh -c "find -L $documents -type f -name '*.html' | sort |
	xargs '$python' '$here/tokenizer_golden.py' compare '$gguf' '$build/tests/tokenize_tool'"

"$python" "$here/score.py" hf texts.jsonl f32.jsonl 2>/dev/null
"$python" "$here/score.py" hf texts.jsonl autocast.jsonl --autocast 2>/dev/null
"$python" "$here/compare.py" f32.jsonl autocast.jsonl >autocast.out
echo "autocast against f32: $(cat autocast.out)"
for model in "$gguf" hf; do
	ATTUNE_CPU=ref "$build/attune" score --model "$model" --in texts.jsonl --out ref.jsonl --quiet
	demand "log-probabilities, ref, $(basename "$model")" "$python" "$here/compare.py" f32.jsonl ref.jsonl --max 1e-3
	"$build/attune" score --model "$model" --in texts.jsonl --out best.jsonl --quiet
	demand "log-probabilities, best path, $(basename "$model")" "$python" "$here/compare.py" f32.jsonl best.jsonl \
		--mean "$(figure mean autocast.out)" --p99 "$(figure p99 autocast.out)"
done

head -n 12 rows.jsonl >few.jsonl
"$python" "$here/grads.py" hf few.jsonl f32.safetensors --adapter random --make 16 >/dev/null 2>&1
"$python" "$here/grads.py" hf few.jsonl autocast.safetensors --adapter random --autocast >/dev/null 2>&1
"$python" "$here/compare_grads.py" f32.safetensors autocast.safetensors >autocast.out
echo "autocast's gradients against f32: $(tail -n 1 autocast.out)"
ATTUNE_CPU=ref "$build/tests/gradient_tool" "$gguf" random few.jsonl ref.safetensors >/dev/null
demand "gradients, ref" "$python" "$here/compare_grads.py" f32.safetensors ref.safetensors --min 0.9999
"$build/tests/gradient_tool" "$gguf" random few.jsonl best.safetensors >/dev/null
demand "gradients, best path" "$python" "$here/compare_grads.py" f32.safetensors best.safetensors \
	--bounds autocast.safetensors --slack 0.0005

# Twenty steps from the same adapter, four rows each, in the file's order.
"$python" "$here/train20.py" hf few.jsonl --init init --make 16 --out peft --lr 5e-4 --schedule cosine --warmup 2 >/dev/null 2>&1
mkdir -p data && cp few.jsonl data/train.jsonl
for path in ref ""; do
	rm -rf "run$path"
	env ${path:+ATTUNE_CPU=$path} "$build/attune" train --model "$gguf" --data data --out "run$path" --adapter-init init --quiet \
		--set learning_rate=5e-4 --set loraplus_lr_ratio=1 --set warmup_ratio=0.1 --set max_steps=20 --set num_epochs=100 --set shuffle=false \
		--set sample_packing=false --set micro_batch_size=4 --set gradient_accumulation_steps=1
	demand "20 steps, losses within 1 %, ${path:-best path}" "$python" "$here/compare_losses.py" peft/losses.json "run$path/metrics.jsonl" --within 0.01
	demand "20 steps, final weights, ${path:-best path}" "$python" "$here/compare_grads.py" peft/adapter/adapter_model.safetensors \
		"run$path/adapter/adapter_model.safetensors" --overall 0.999
done

ATTUNE_CPU=ref "$build/attune" score --model "$gguf" --adapter run/adapter --in rows.jsonl --out ours.jsonl --quiet
demand "PEFT loads the adapter" "$python" "$here/peft_loads.py" hf run/adapter rows.jsonl theirs.jsonl
demand "PEFT's log-probabilities with it" "$python" "$here/compare.py" theirs.jsonl ours.jsonl --max 1e-3
exit $status
