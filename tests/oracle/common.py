"""What the oracle scripts share: rows of a JSONL file to token ids and the tokens to score, and log-probabilities from transformers.

The rules of scoring, the same as the product's: {"text"}: every token but the first, the end token appended and scored. {"prompt","completion"}: raw text,
tokenised together, completion and end token scored. {"messages"}: the model's chat template with an explicit system message,
every assistant content and its end-of-turn scored. Text never becomes a control token; only the template's own literals do.
"""
import json
import re

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(2)

SYSTEM = "You are a helpful assistant."


def load_tokenizer(model_dir):
    return AutoTokenizer.from_pretrained(model_dir)


def load_model(model_dir, adapter=None, trainable=False):
    """The model in f32, with a PEFT adapter where one is given. No dropout even when trainable."""
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32, attn_implementation="sdpa")
    if adapter:
        model = PeftModel.from_pretrained(model, adapter, is_trainable=trainable)
    return model.eval()


def autocast(enabled):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)


def encode_plain(tok, text):
    """Text in which control tokens are only letters."""
    back = tok.backend_tokenizer
    back.encode_special_tokens = True
    encoding = back.encode(text, add_special_tokens=False)
    back.encode_special_tokens = False
    return encoding


def row_messages(row):
    messages = [dict(m) for m in row["messages"]]
    if messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": SYSTEM})
    return messages


def render_segments(tok, messages):
    """The rendered chat as [(text, message index or None for the template)], in order.

    Contents go through the template as private-use marks, so that what the template adds is known without reading it.
    """
    def mark(i):
        return f"\ue000{i}\ue001"

    rendered = tok.apply_chat_template([dict(m, content=mark(i)) for i, m in enumerate(messages)], tokenize=False)
    segments = []
    for part in re.split("(\ue000\\d+\ue001)", rendered):
        if part.startswith("\ue000"):
            i = int(part[1:-1])
            segments.append((messages[i]["content"], i))
        elif part:
            segments.append((part, None))
    plain = "".join(text for text, _ in segments)
    assert plain == tok.apply_chat_template(messages, tokenize=False), "the template changes contents"
    return segments


def sample_messages(tok, row):
    """Runs of text between the template's control tokens are tokenised as one string, so a role line and its content may merge."""
    messages = row_messages(row)
    control = "|".join(re.escape(t.content) for t in tok.added_tokens_decoder.values() if t.special)
    ids, scored = [], []
    run, spans = "", []  # text since the last control token, with (start, end, message index) of the contents in it

    def flush():
        nonlocal run, spans
        enc = encode_plain(tok, run)
        for i, (a, _) in zip(enc.ids, enc.offsets):
            ids.append(i)
            scored.append(any(s <= a < e and messages[m]["role"] == "assistant" and messages[m].get("train", True)
                              for s, e, m in spans))
        run, spans = "", []

    turn = None  # the message whose end-of-turn comes next
    for text, index in render_segments(tok, messages):
        if index is not None:
            spans.append((len(run), len(run) + len(text), index))
            run += text
            turn = index
            continue
        for part in re.split(f"({control})", text):
            if re.fullmatch(control, part):
                flush()
                end = part == tok.eos_token and turn is not None
                ids.append(tok.convert_tokens_to_ids(part))
                scored.append(end and messages[turn]["role"] == "assistant" and messages[turn].get("train", True))
                turn = None
            else:
                run += part
    flush()
    return ids, scored


def sample(tok, row):
    """(ids, scored flags) of one row."""
    if "messages" in row:
        return sample_messages(tok, row)
    if "text" in row:
        ids = encode_plain(tok, row["text"]).ids + [tok.eos_token_id]
        return ids, [False] + [True] * (len(ids) - 1)
    prompt = encode_plain(tok, row["prompt"]).ids
    ids = encode_plain(tok, row["prompt"] + row["completion"]).ids
    if ids[:len(prompt)] != prompt:
        raise ValueError(f"the prompt's tokens are not a prefix of the row's: {row['prompt'][-40:]!r}")
    ids.append(tok.eos_token_id)
    # An empty prompt leaves the first token without a context, hence unscored.
    return ids, [i >= max(len(prompt), 1) for i in range(len(ids))]


def read_jsonl(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def load_samples(tok, path):
    return [sample(tok, row) for row in read_jsonl(path)]


def row_logprobs(model, ids, scored):
    """Natural-log probabilities of the scored tokens of one sequence, in f32 [n_scored]; differentiable."""
    logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, :-1].float()
    target = torch.tensor(ids[1:])
    keep = torch.tensor(scored[1:], dtype=torch.bool)
    return torch.log_softmax(logits[keep], dim=-1).gather(1, target[keep, None])[:, 0]
