"""A GGUF file's weights in other formats: weights.py MODEL.gguf OUT_DIR [TYPE...]; F32 BF16 Q8_0 Q4_0 unless told otherwise.

OUT_DIR/TYPE.gguf has every matrix in that type, made from the values of MODEL.gguf; vectors and everything else are its own. F32 has the very
same values. Files that are there are left alone.
"""
import os
import sys

import gguf


def convert(path, out, kind):
    reader = gguf.GGUFReader(path)
    part = out + ".part"
    writer = gguf.GGUFWriter(part, reader.get_field(gguf.Keys.General.ARCHITECTURE).contents())
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in (gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE):
            continue
        array = field.types[0] == gguf.GGUFValueType.ARRAY
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=field.types[-1] if array else None)
    for t in reader.tensors:
        to = kind if len(t.shape) > 1 else gguf.GGMLQuantizationType.F32
        values = gguf.dequantize(t.data, t.tensor_type)
        writer.add_tensor(t.name, gguf.quantize(values, to), raw_dtype=to)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, out)


def main():
    path, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    for name in sys.argv[3:] or ("F32", "BF16", "Q8_0", "Q4_0"):
        out = os.path.join(folder, name + ".gguf")
        if not os.path.exists(out):
            convert(path, out, gguf.GGMLQuantizationType[name])


if __name__ == "__main__":
    main()
