"""Writes tests/golden/dtypes.inc: rows quantised by the gguf package, and what it makes of them again. For src/kern/dtype_test.c.

usage: dtype_golden.py > tests/golden/dtypes.inc
"""
import gguf
import numpy as np

COLS = 96  # three blocks: ordinary values, extreme ones, zeros
HOSTILE = [(np.inf, 1), (65504, -65504), (-(2.0**-24), 2.0**-24)]  # scale and minimum: infinite, largest, smallest
SCALES_AT = {"Q5_0": (0,), "Q5_1": (0, 2), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}  # where a block has them


def rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, COLS)).astype(np.float32)
    x[0, 32:64] *= 1e-6  # scales that are subnormal halves
    x[1, 32:64] *= 1e3
    x[1, 64:] = 0
    return x


def random_blocks(name, scales):
    """A block a row: every bit random but scale and minimum."""
    kind = gguf.GGMLQuantizationType[name]
    rng = np.random.default_rng(2)
    blocks = rng.integers(0, 256, size=(len(scales), gguf.GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)
    for block, values in zip(blocks, scales, strict=True):
        for at, value in zip(SCALES_AT[name], values):
            block[at : at + 2] = np.array([value], dtype=np.float16).view(np.uint8)
    return blocks


def write(name, stored):
    kind = gguf.GGMLQuantizationType[name]
    with np.errstate(invalid="ignore"):
        values = np.ascontiguousarray(gguf.quants.dequantize(stored, kind), dtype=np.float32)
    data = np.ascontiguousarray(stored).view(np.uint8).reshape(-1)
    print(f"{{DTYPE_{name}, {values.shape[0]}, {values.shape[1]}, {len(data)},")
    for items, form in ((data, "{}"), (values.reshape(-1).view(np.uint32), "0x{:08x}")):
        width = 32 if form == "{}" else 12
        print(" {" + ",\n  ".join(", ".join(form.format(v) for v in items[i:i + width]) for i in range(0, len(items), width)) + "},")
    print("},")


def main():
    print("/* Written by tests/oracle/dtype_golden.py with gguf", end=" ")
    print("(Python): stored rows, and their values as f32 bits. */")
    for name in ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]:
        write(name, gguf.quants.quantize(rows(), gguf.GGMLQuantizationType[name]))
    for name in ["Q5_0", "Q5_1"]:
        write(name, random_blocks(name, HOSTILE))
    for name in ["Q4_K", "Q5_K", "Q6_K"]:
        write(name, random_blocks(name, [(0.01, 0.07)] + HOSTILE))


main()
