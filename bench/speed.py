"""attune beside PyTorch + PEFT and llama.cpp, by turns on this machine in one run: training, prompts, answers, start and memory.

    speed.py ATTUNE MODEL.gguf MODEL_DIR OUT_DIR [--rounds 3] [--steps 3] [--peer-seconds 30] [--only training,compiled,prompts,start]

Each round gives every program its turn; a figure is the median of the rounds and its range, a ratio the median of the rounds' ratios, above 1 where
attune is better. MODEL_DIR is the same model as a Hugging Face folder (tests/oracle/hf_model.py), OUT_DIR/TYPE.gguf in other formats (weights.py).
What the work is stands in peer.py, llama.py and src/flow/flow.h (flow_bench). The peers get their best settings: the first round tries them all, the
later ones use the fastest. A JSON line a turn goes to stderr, the table to stdout, and OUT_DIR gets bench.json and bench.svg.
"""
import argparse
import datetime
import html
import importlib.metadata
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = ("F32", "BF16", "Q8_0", "Q4_0")
PULLED = "Q4_1 as pulled"
TORCH, COMPILED = "PyTorch + PEFT", "torch.compile"
THREADS = len(os.sched_getaffinity(0))


def run(command, **more):
    """The JSON lines of a program, each with `after_s`, the seconds from its start; and the most memory that it held, in bytes."""
    began, lines = time.monotonic(), []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"}, **more) as child:
        for line in child.stdout:
            if line.startswith("{"):
                lines.append(json.loads(line) | {"after_s": time.monotonic() - began})
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}: ended with {child.returncode}; run it by hand to see why")
    return lines, usage.ru_maxrss * 1024


class Turns:
    """What was measured: values by figure, who, setting and round."""

    def __init__(self):
        self.round, self.values = 0, {}

    def put(self, figure, who, value, setting=""):
        self.values.setdefault((figure, who), {}).setdefault(setting, {})[self.round] = value
        print(json.dumps({"round": self.round, "figure": figure, "who": who, "setting": setting, "value": round(value, 3)}), file=sys.stderr, flush=True)

    def best(self, figure, who):
        """Of the settings that were measured in most rounds the one with the best median, and its values by round."""
        settings = self.values[figure, who]
        setting = max(settings, key=lambda s: (len(settings[s]), statistics.median(settings[s].values())))
        return setting, settings[setting]


# ---- turns --------------------------------------------------------------------------------------------------------------------------


def attune_train(turns, args):
    lines, _ = run([args.attune, "bench", "training", "--model", args.gguf, "--json", "--quiet"])
    for line in lines:
        if line["what"] == "training":
            turns.put("training", "attune", line["rate"])
            turns.put("memory of training", "attune", line["peak_bytes"] / 1e6)
            if line["share"] is not None:
                turns.put("share", "attune", line["share"])
        elif line["path"] == lines[-1]["path"]:
            turns.put("products", "attune", line["high"])


def attune_first_step(turns, args, folder):
    """Rows of 511 digits, each a token of its own; the end token is the 512th."""
    data, out = os.path.join(folder, "data"), os.path.join(folder, f"run{turns.round}")
    if not os.path.exists(data):
        os.mkdir(data)
        draw = random.Random(1)
        with open(os.path.join(data, "train.jsonl"), "w", encoding="utf-8") as f:
            for _ in range(4):
                f.write(json.dumps({"text": "".join(draw.choices("0123456789", k=511))}) + "\n")
    settings = {"sequence_len": 512, "micro_batch_size": 1, "gradient_accumulation_steps": 4, "lora_r": 16, "lora_alpha": 32, "max_steps": 1}
    flags = [word for k, v in settings.items() for word in ("--set", f"{k}={v}")]
    command = [args.attune, "train", "--model", args.gguf, "--data", data, "--out", out, "--quiet"] + flags
    metrics, began = os.path.join(out, "metrics.jsonl"), time.monotonic()
    with subprocess.Popen(command) as child:
        while child.poll() is None and not (os.path.exists(metrics) and os.path.getsize(metrics)):
            time.sleep(0.005)
        turns.put("start to first step", "attune", time.monotonic() - began)
    if child.returncode:
        raise SystemExit("attune train failed")


def torch_train(turns, args, setting, steps, who=TORCH):
    compute, micro = setting.split()[:2]
    lines, peak = run([sys.executable, os.path.join(HERE, "peer.py"), args.folder, "--steps", str(steps), "--seconds", str(args.peer_seconds), "--micro", micro,
                       "--compute", compute, "--threads", str(THREADS)] + (["--compile"] if who == COMPILED else []))
    turns.put("training", who, statistics.median(s["tokens_per_s"] for s in lines if s.get("step")), setting)
    turns.put("memory of training", who, peak / 1e6, setting)
    turns.put("start to first step", who, lines[0]["after_s"], setting)


def attune_prompts(turns, args, name, path):
    lines, _ = run([args.attune, "bench", "prefill", "decode", "--model", path, "--json", "--quiet"])
    for line in lines:
        if line["what"] == "prefill":
            turns.put("prefill", "attune", line["rate"], name)
        elif line["what"] == "decode":
            turns.put(f"decode/{line['streams']}", "attune", line["rate"], name)
            if line["streams"] == 1:
                turns.put("memory of an answer", "attune", line["peak_bytes"] / 1e6, name)


def llama_prompts(turns, args, name, path):
    figures = [f"{figure}/{flash}" for figure in ("prefill/1", "decode/1", "decode/16") for flash in (0, 1)]
    if turns.round:
        figures = [f"{figure}/{turns.best(f'{figure} {name}', 'llama.cpp')[0]}" for figure in ("prefill/1", "decode/1", "decode/16")]
    for line in run([sys.executable, os.path.join(HERE, "llama.py"), path, "--threads", str(THREADS), *figures])[0]:
        if line["what"] == "start":
            if name == PULLED:
                turns.put("start to first token", "llama.cpp", line["seconds"])
            continue
        turns.put(f"{line['what']}/{line['streams']} {name}", "llama.cpp", line["rate"], str(line["flash"]))
        if line["what"] == "decode" and line["streams"] == 1:
            turns.put("memory of an answer", "llama.cpp", line["memory_bytes"] / 1e6, name)


def attune_first_token(turns, args, folder):
    prompts = os.path.join(folder, "prompts.jsonl")
    with open(prompts, "w", encoding="utf-8") as f:
        f.write('{"prompt": "The capital of France is"}\n')
    lines, _ = run([args.attune, "generate", "--model", args.gguf, "--in", prompts, "--max-tokens", "1", "--quiet"])
    turns.put("start to first token", "attune", lines[0]["after_s"])


def has_bf16():
    """Whether PyTorch computes in bf16 without emulating it, a step of which takes minutes; ONEDNN_MAX_CPU_ISA may take it away (docs/speed.md)."""
    isa = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    if isa and "BF16" not in isa and "AMX" not in isa:
        return False
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return bool({"avx512_bf16", "amx_bf16"} & set(f.read().split()))


def measure(turns, args, folder):
    settings = [f"bf16 {m}" for m in (1, 2, 4)] if has_bf16() else ["f32 1", "f32 4"]
    files = {PULLED: args.gguf} | {t: os.path.join(args.out, t + ".gguf") for t in TYPES}
    for turns.round in range(args.rounds):
        if "training" in args.only:
            attune_train(turns, args)
            for setting in settings:
                torch_train(turns, args, setting, args.steps if turns.round else 2)
            settings = [turns.best("training", TORCH)[0]]
        if "compiled" in args.only:  # compiles for a minute before its first step, later rounds take that from a cache
            torch_train(turns, args, settings[0], args.steps, COMPILED)
        for name, path in files.items():
            if "prompts" in args.only:
                attune_prompts(turns, args, name, path)
                llama_prompts(turns, args, name, path)
        if "start" in args.only:
            attune_first_token(turns, args, folder)
            attune_first_step(turns, args, folder)


# ---- what came out ------------------------------------------------------------------------------------------------------------------


def spread(values):
    v = sorted(values)
    return {"median": statistics.median(v), "low": v[0], "high": v[-1]}


def row(name, unit, ours, theirs, peer, setting, less=False):
    """ours, theirs: values by round. less: the smaller one is the better one."""
    ratios = [(theirs[r] / ours[r] if less else ours[r] / theirs[r]) for r in ours if r in theirs]
    return {"figure": name, "unit": unit, "attune": spread(ours.values()), "peer": {"name": peer, "setting": setting} | spread(theirs.values()), "ratio": spread(ratios)}


def rows_of(turns):
    rows, v = [], turns.values
    llama = "llama.cpp"
    for torch in (TORCH, COMPILED):
        if ("training", torch) not in v or ("training", "attune") not in v:
            continue
        setting, theirs = turns.best("training", torch)
        name = f"{setting.split()[0]}, micro-batches of {setting.split()[1]}"
        rows.append(row("training, 4 x 512 tokens, r 16", "tokens/s", v["training", "attune"][""], theirs, torch, name))
        rows.append(row("memory of training", "MB", v["memory of training", "attune"][""], v["memory of training", torch][setting], torch, name, less=True))
        if ("start to first step", "attune") in v:
            rows.append(row("start to first step", "s", v["start to first step", "attune"][""], v["start to first step", torch][setting], torch, name, less=True))
    if ("start to first token", llama) in v and ("start to first token", "attune") in v:
        rows.append(row("start to first token, " + PULLED, "s", v["start to first token", "attune"][""], v["start to first token", llama][""], llama,
                        "without Python's start", less=True))
    if ("prefill", "attune") in v:
        names = list(v["prefill", "attune"])

        def theirs(figure, name):
            return turns.best(f"{figure} {name}", llama)

        def flash(setting):
            return "flash attention" if setting == "1" else "no flash attention"

        fastest = max((n for n in names if n != PULLED), key=lambda n: statistics.median(theirs("prefill/1", n)[1].values()))
        setting, values = theirs("prefill/1", fastest)
        for n in names:
            rows.append(row(f"prompt of 512 tokens, {n}", "tokens/s", v["prefill", "attune"][n], values, llama, f"{fastest}, its fastest; {flash(setting)}"))
        for figure, words in (("decode/1", "1 answer"), ("decode/16", "16 answers at a time")):
            for n in names:
                setting, values = theirs(figure, n)
                rows.append(row(f"{words}, {n}", "tokens/s", v[figure, "attune"][n], values, llama, flash(setting)))
        for n in names:
            rows.append(row(f"memory of 512 tokens, {n}", "MB", v["memory of an answer", "attune"][n], v["memory of an answer", llama][n], llama,
                            "without Python's", less=True))
    return rows


def number(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.2f}" if x < 10 else f"{x:.1f}"


def shown(s):
    return f"{number(s['median'])} ({number(s['low'])}-{number(s['high'])})"


def table(rows):
    print("| | attune, median (range) | peer, median (range) | ratio (range); above 1 attune is better |")
    print("|---|---|---|---|")
    for r in rows:
        print(f"| {r['figure']}, {r['unit']} | {shown(r['attune'])} | {shown(r['peer'])} {r['peer']['name']}, {r['peer']['setting']} | {shown(r['ratio'])} |")


STYLE = """svg{--paper:#fff;--ink:#24292f;--grid:#d8dee4;--bar:#0a5cc2;--worse:#b34700}
@media(prefers-color-scheme:dark){svg{--paper:#16191d;--ink:#d7dde4;--grid:#363c44;--bar:#6db3ff;--worse:#ffa657}}
text{font:13px system-ui,sans-serif;fill:var(--ink)}.bar{fill:var(--bar)}.worse{fill:var(--worse)}line{stroke:var(--ink);stroke-dasharray:4 3}path{stroke:var(--ink)}"""


def chart(rows):
    """Ratios as bars, with the range of the rounds and a line at 1."""
    left, width, step, top = 270, 330, 24, 44
    most = max(r["ratio"]["high"] for r in rows)
    height = top + step * len(rows) + 12

    def x(ratio):
        return left + width * ratio / most

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" role="img">', "<title>attune beside its peers: ratios, above 1 attune is better</title>",
           f"<style>{STYLE}</style>", f'<rect width="860" height="{height}" fill="var(--paper)"/>',
           f'<text x="{left}" y="20">attune : peer, above 1 attune is better; medians and ranges of rounds by turns</text>']
    for i, r in enumerate(rows):
        y, ratio = top + step * i, r["ratio"]
        out.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{html.escape(r["figure"])}</text>'
                   f'<rect class="{"bar" if ratio["median"] >= 1 else "worse"}" x="{left}" y="{y}" width="{x(ratio["median"]) - left:.1f}" height="15"/>'
                   f'<path d="M{x(ratio["low"]):.1f} {y + 7.5}H{x(ratio["high"]):.1f}"/>'
                   f'<text x="{x(ratio["high"]) + 6:.1f}" y="{y + 12}">{number(ratio["median"])} ({number(r["attune"]["median"])} : {number(r["peer"]["median"])} '
                   f'{html.escape(r["unit"])})</text>')
    out.append(f'<line x1="{x(1):.1f}" y1="{top - 8}" x2="{x(1):.1f}" y2="{height - 8}"/></svg>')
    return "\n".join(out) + "\n"


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("attune")
    ap.add_argument("gguf")
    ap.add_argument("folder")
    ap.add_argument("out")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--steps", type=int, default=3, help="steps of the peer's training in a round, after one that warms up")
    ap.add_argument("--peer-seconds", type=float, default=30, help="or fewer, once this time is over")
    ap.add_argument("--only", default="training,prompts,start", type=lambda s: s.split(","))
    args = ap.parse_args()
    turns, began, load = Turns(), time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        measure(turns, args, folder)
    rows = rows_of(turns)
    there = {d.name.replace("_", "-"): d.version for d in importlib.metadata.distributions()}  # --only training needs no llama.cpp
    versions = {p: there[p] for p in ("torch", "transformers", "peft", "llama-cpp-python") if p in there}
    result = {"date": datetime.date.today().isoformat(), "processor": processor(), "threads": THREADS, "load_before": load, "rounds": args.rounds,
              "seconds": round(time.monotonic() - began), "versions": versions, "rows": rows}
    for figure, key in (("products", "products_gflops"), ("share", "training_share_of_products")):
        if (figure, "attune") in turns.values:
            result[key] = spread(turns.values[figure, "attune"][""].values())
    with open(os.path.join(args.out, "bench.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    with open(os.path.join(args.out, "bench.svg"), "w", encoding="utf-8") as f:
        f.write(chart(rows))
    print(f"{args.rounds} rounds in {result['seconds']} s on {THREADS} threads of {result['processor']}, load before {load:.1f}\n")
    table(rows)
    if "training_share_of_products" in result:
        print(f"\nTraining reaches {100 * result['training_share_of_products']['median']:.0f} % of attune's fastest product, {result['products_gflops']['median']:.0f} GFLOPS.")


if __name__ == "__main__":
    main()
