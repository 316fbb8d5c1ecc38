"""Makes embed/: a tiny random BERT embedder as a folder, and embed.jsonl: texts, their token ids and their vectors by transformers.

    embed.py [OUT_DIR]      with the Python of tests/oracle/setup.sh
"""
import json
import os
import sys

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = 40  # of a text: less than the model has positions
WORDS = ["the", "event", "un", "able", "key", "limit", "naive", "strasse", "ist", "中", "文"]
TEXTS = ["", "The event limit.", "unable keys, unlimited!", "na\u00efve NAIVE nai\u0308ve", "\u4e2d\u6587event\u4e2d", "a\u0000b\u00adc\ufffdd\u200be",
         "x" * 9, "x" * 10, "e\u0301" * 9, "e\u0301" * 10, "\u00c9" * 3 + "\u0130\u1e9e", "[CLS] [SEP] [UNK]", "##able ## #", "tab\tline\nend\u00a0key\u2028ist",
         "event " * 60, "\u3042\u3044", "\ud55c", "key\u060climit", "\u0344", "\uf900\u8c48", "the\u02bcevent", "\u2460 limit \u00bd"]


def make_tokenizer():
    alphabet = [chr(c) for c in range(0x21, 0x7F) if not chr(c).isupper()] + list("ß中文あ") + ["\u1112", "\u1161"]
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + alphabet + ["##" + c for c in alphabet] + WORDS + ["##able", "##s", "##limit", "##\u11ab"]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(vocab))}
    tok = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=9))
    tok.normalizer = normalizers.BertNormalizer()
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tok.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tok


def main():
    out = os.path.join(sys.argv[1] if len(sys.argv) > 1 else HERE, "embed")
    os.makedirs(os.path.join(out, "1_Pooling"), exist_ok=True)
    tok = make_tokenizer()
    torch.manual_seed(5)
    config = BertConfig(vocab_size=tok.get_vocab_size() + 3, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
                        max_position_embeddings=48, type_vocab_size=2)
    model = BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0.0, 0.5) if p.dim() == 1 else p.normal_(0.0, 1.0 if "embeddings" in name else 1.5 / p.shape[1] ** 0.5)
            if name.endswith("LayerNorm.weight"):
                p.add_(1.0)
    model.to(torch.float16).save_pretrained(out)
    model = BertModel.from_pretrained(out, add_pooling_layer=False, dtype=torch.float32).eval()
    tok.save(os.path.join(out, "tokenizer.json"), pretty=False)
    for name, value in (("1_Pooling/config.json", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}),
                        ("sentence_bert_config.json", {"max_seq_length": TOKENS})):
        with open(os.path.join(out, name), "w", encoding="utf-8") as f:
            json.dump(value, f)
            f.write("\n")
    tok.enable_truncation(TOKENS)
    tok.encode_special_tokens = True
    with open(out + ".jsonl", "w", encoding="utf-8") as f, torch.no_grad():
        for text in TEXTS:
            ids = tok.encode(text).ids
            mean = model(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(0)
            vector = torch.nn.functional.normalize(mean, dim=0)
            f.write(json.dumps({"bytes": list(text.encode()), "ids": ids, "vector": [round(x, 7) for x in vector.tolist()]}) + "\n")


if __name__ == "__main__":
    main()
