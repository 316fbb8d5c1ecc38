"""Holds dtype_quantize to ggml: the very bytes of Q8_0 and Q4_0, and for Q4_K the error against that of llama.cpp's own.

usage: quantize.py QUANTIZE_TOOL [--within 1.05]
"""
import argparse
import ctypes
import glob
import json
import os
import subprocess
import sys

import gguf
import llama_cpp
import numpy as np

COLS = 1024


def inputs():
    """Weights as models have them, and some that no model has."""
    rng = np.random.default_rng(3)
    normal = rng.normal(size=(512, COLS)).astype(np.float32) * np.float32(0.02)
    hard = rng.normal(size=(64, COLS)).astype(np.float32)
    hard[0:8] *= 10.0 ** rng.uniform(-30, 3, size=(8, COLS)).astype(np.float32)
    hard[8:16] = np.round(hard[8:16])  # ties, equal extremes
    hard[16:24, ::7] *= 50
    hard[24:32] = np.abs(hard[24:32])
    hard[32:40] = -np.abs(hard[32:40]) - 5
    hard[40:48] = 0
    hard[41, 5] = 1
    hard[42] = -0.25
    hard[43] = 0.25
    return {"normal": normal, "heavy tails": rng.standard_t(4, size=(256, COLS)).astype(np.float32), "hard": hard}


def ours(tool, name, x):
    out = subprocess.run([tool, name], input=x.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(out, dtype=np.uint8).reshape(len(x), -1)


def theirs(kind, x):
    lib = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(llama_cpp.__file__), "lib", "libggml-base.so*"))[0])
    lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    block, size = gguf.GGML_QUANT_SIZES[kind]
    out = np.zeros((len(x), COLS // block * size), dtype=np.uint8)
    assert lib.ggml_quantize_chunk(int(kind), x.ctypes.data, out.ctypes.data, 0, len(x), COLS, None) == out.nbytes
    return out


def rmse(blocks, kind, x):
    off = gguf.quants.dequantize(blocks, kind).astype(np.float64) - x
    return float(np.sqrt(np.mean(off * off)))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("tool")
    args.add_argument("--within", type=float, default=1.05)
    args = args.parse_args()
    good = True
    for name in ("Q8_0", "Q4_0", "Q4_K"):
        kind = gguf.GGMLQuantizationType[name]
        for what, x in inputs().items():
            mine, ggml = ours(args.tool, name, x), theirs(kind, x)
            line = {"type": name, "values": what}
            if name == "Q4_K":
                line |= {"rmse": rmse(mine, kind, x), "ggml": rmse(ggml, kind, x)}
                line["ratio"] = line["rmse"] / line["ggml"]
                good = good and line["ratio"] <= args.within
            else:
                with np.errstate(over="ignore", invalid="ignore"):
                    line["gguf_bytes_differ"] = int((mine != gguf.quants.quantize(x, kind).reshape(mine.shape)).sum())
                line["ggml_bytes_differ"] = int((mine != ggml).sum())
                good = good and not line["gguf_bytes_differ"]
            print(json.dumps(line))
    sys.exit(not good)


main()
