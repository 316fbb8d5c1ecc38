"""Writes tests/golden/dtypes.inc: rows quantised by the gguf package, and what it makes of them again. For src/kern/dtype_test.c.

usage: dtype_golden.py > tests/golden/dtypes.inc
"""
import gguf
import numpy as np

COLS = 96  # three blocks: ordinary values, extreme ones, zeros


def rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, COLS)).astype(np.float32)
    x[0, 32:64] *= 1e-6  # scales that are subnormal halves
    x[1, 32:64] *= 1e3
    x[1, 64:] = 0
    return x


def main():
    print("/* Written by tests/oracle/dtype_golden.py with gguf", end=" ")
    print("(Python): stored rows, and their values as f32 bits. */")
    for name in ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"]:
        kind = gguf.GGMLQuantizationType[name]
        stored = gguf.quants.quantize(rows(), kind)
        values = np.ascontiguousarray(gguf.quants.dequantize(stored, kind), dtype=np.float32).reshape(-1)
        data = np.ascontiguousarray(stored).view(np.uint8).reshape(-1)
        print(f"{{DTYPE_{name}, {len(data)},")
        for items, form in ((data, "{}"), (values.view(np.uint32), "0x{:08x}")):
            width = 32 if form == "{}" else 12
            print(" {" + ",\n  ".join(", ".join(form.format(v) for v in items[i:i + width]) for i in range(0, len(items), width)) + "},")
        print("},")


main()
