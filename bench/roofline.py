#!/usr/bin/env python3
"""Where each operation of a training step and of answers stands under the roofs of this machine: what memory can bring and what products can do
(Williams et al. 2009). Prints a table and writes OUT.svg. Run it alone.

  ninja -C build tests/roofline_tool
  bench/roofline.py build/tests/roofline_tool docs/roofline.svg
"""
import argparse
import html
import json
import math
import subprocess

GROUPS = {"training": "#0a5cc2", "1 answer": "#b34700", "16 answers": "#1a7f37", "product of": "#6e40c9"}
READS = "1 answer: head, F32"  # 113 MB, each value used once: nothing reads faster
STYLE = """svg{--paper:#fff;--ink:#24292f;--grid:#d8dee4}@media(prefers-color-scheme:dark){svg{--paper:#16191d;--ink:#d7dde4;--grid:#363c44}}
text{font:12px system-ui,sans-serif;fill:var(--ink)}line{stroke:var(--grid)}path{stroke:var(--ink);fill:none;stroke-width:1.5}"""
LEFT, TOP, WIDTH, HEIGHT = 60, 40, 520, 420
X, Y = (0.2, 400), (4, 1600)  # operations a byte, GFLOPS


def place(value, span, size):
    return size * math.log(value / span[0]) / math.log(span[1] / span[0])


def at(intensity, gflops):
    return LEFT + place(intensity, X, WIDTH), TOP + HEIGHT - place(gflops, Y, HEIGHT)


def chart(ops, memory, peak):
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1010 {TOP + HEIGHT + 50}" role="img"><title>Roofline of the kernels</title><style>{STYLE}</style>',
           '<rect width="100%" height="100%" fill="var(--paper)"/>',
           f'<text x="{LEFT}" y="20">GFLOPS of each operation, and the roofs: {peak:.0f} GFLOPS of products, {memory:.0f} GB/s of memory</text>']
    for v in (0.25, 1, 4, 16, 64, 256):
        x, _ = at(v, 1)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}"/><text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{v:g}</text>')
    for v in (10, 30, 100, 300, 1000):
        _, y = at(1, v)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + WIDTH}" y2="{y:.1f}"/><text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{v}</text>')
    out.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">floating-point operations a byte that must move</text>')
    corners = [at(X[0], X[0] * memory), at(peak / memory, peak), at(X[1], peak)]
    out.append('<path d="M' + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + '"/>')
    for i, o in enumerate(ops):
        x, y = at(o["intensity"], o["gflops"])
        colour = next(c for g, c in GROUPS.items() if o["op"].startswith(g))
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/><text x="{x + 6:.1f}" y="{y + (4 if i % 2 else -3):.1f}">{i + 1}</text>')
        out.append(f'<circle cx="{LEFT + WIDTH + 30}" cy="{TOP + 15 * i}" r="4" fill="{colour}"/>'
                   f'<text x="{LEFT + WIDTH + 40}" y="{TOP + 4 + 15 * i}">{i + 1} {html.escape(o["op"])}: {100 * o["share"]:.0f} %</text>')
    return "\n".join(out) + "</svg>\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("tool")
    ap.add_argument("out")
    args = ap.parse_args()
    lines = [json.loads(line) for line in subprocess.run([args.tool], check=True, capture_output=True, text=True).stdout.splitlines()]
    memory = next(o["bytes"] / o["seconds"] for o in lines if o["op"] == READS) / 1e9
    peak = max(o["flop"] / o["seconds"] for o in lines) / 1e9
    print(f"{lines[0]['path']}, {lines[0]['threads']} threads; memory {memory:.0f} GB/s read, the fastest product {peak:.0f} GFLOPS\n")
    print("| | operation | us | GFLOPS | GB/s | share of its roof |\n|---|---|---|---|---|---|")
    for i, o in enumerate(lines):
        o["intensity"], o["gflops"] = o["flop"] / o["bytes"], o["flop"] / o["seconds"] / 1e9
        o["share"] = o["gflops"] / min(peak, memory * o["intensity"])
        print(f"| {i + 1} | {o['op']} | {1e6 * o['seconds']:,.0f} | {o['gflops']:.0f} | {o['bytes'] / o['seconds'] / 1e9:.0f} | {100 * o['share']:.0f} % |")
    with open(args.out, "w", encoding="utf-8") as f:
        f.write(chart(lines, memory, peak))


if __name__ == "__main__":
    main()
