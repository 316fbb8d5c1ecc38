"""What the oracle scripts share: rows of a JSONL file to token ids and the tokens to score, and log-probabilities from transformers.

The rules of scoring, the same as the product's: {"text"}: every token but the first (BOS where the model uses one), the end token appended and scored.
{"prompt","completion"}: raw text, in front of it BOS where the model uses one, tokenised together, completion and end token scored. {"messages"}: the model's chat template with an
explicit system message, every token with a byte of an assistant's content and its end-of-turn scored. Text never becomes a control token; only the template's own literals do.
"""
import json
import os
import re

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, get_constant_schedule, get_cosine_schedule_with_warmup

torch.set_num_threads(2)

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SYSTEM = "You are a helpful assistant."


def load_tokenizer(model_dir):
    """The folder's tokenizer; `ends` are the tokens that may end a turn: its own and those of generation_config.json."""
    tok = AutoTokenizer.from_pretrained(model_dir)
    path = os.path.join(model_dir, "generation_config.json")
    ids = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            ids = json.load(f).get("eos_token_id") or []
    tok.ends = {tok.eos_token, *tok.convert_ids_to_tokens(ids if isinstance(ids, list) else [ids])}
    return tok


def load_model(model_dir, adapter=None, trainable=False):
    """The model in f32, with a PEFT adapter where one is given. No dropout even when trainable."""
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32, attn_implementation="sdpa")
    if adapter:
        model = PeftModel.from_pretrained(model, adapter, is_trainable=trainable)
    return model.eval()


def autocast(enabled):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)


def encode_plain(tok, text, opens=True):
    """Text in which control tokens are only letters. opens: it is the beginning, where some tokenizers put a space in front."""
    back = tok.backend_tokenizer
    pre = back.pre_tokenizer
    if not opens and isinstance(pre, pre_tokenizers.Metaspace) and pre.prepend_scheme == "first":
        back.pre_tokenizer = pre_tokenizers.Metaspace(pre.replacement, prepend_scheme="never", split=pre.split)
    back.encode_special_tokens = True
    encoding = back.encode(text, add_special_tokens=False)
    back.encode_special_tokens = False
    if back.pre_tokenizer is not None:
        back.pre_tokenizer = pre
    return encoding


def bos(tok):
    """[BOS] where the tokenizer puts one in front of a text, else []."""
    return [i for i in tok("x").input_ids[:1] if i == tok.bos_token_id]


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
        enc = encode_plain(tok, run, opens=not ids)
        for i, (a, b) in zip(enc.ids, enc.offsets):
            ids.append(i)
            scored.append(any(a < e and s < b and messages[m]["role"] == "assistant" and messages[m].get("train", True)
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
                end = part in tok.ends and turn is not None
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
        ids = bos(tok) + encode_plain(tok, row["text"]).ids + [tok.eos_token_id]
        return ids, [False] + [True] * (len(ids) - 1)
    prompt = bos(tok) + encode_plain(tok, row["prompt"]).ids
    ids = bos(tok) + encode_plain(tok, row["prompt"] + row["completion"]).ids
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


def add_lora(model, r, seed, b_std, use_rslora=False):
    """LoRA on every linear layer, alpha 2r: A as PEFT draws it, B normal with b_std (zero: the adapter of a first step)."""
    torch.manual_seed(seed)
    config = LoraConfig(r=r, lora_alpha=2 * r, lora_dropout=0.0, target_modules=TARGETS, task_type="CAUSAL_LM", use_rslora=use_rslora)
    model = get_peft_model(model, config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0.0, b_std) if b_std else p.zero_()
    return model


def save_adapter(model, out, base_name):
    """A PEFT folder that is the same on every machine: the base's name, targets in order, no model card."""
    model.peft_config["default"].base_model_name_or_path = base_name
    model.save_pretrained(out)
    os.remove(os.path.join(out, "README.md"))
    path = os.path.join(out, "adapter_config.json")
    with open(path) as f:
        config = json.load(f)
    config["target_modules"] = TARGETS
    with open(path, "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


def lora_parameters(model):
    """{PEFT's name in the file: parameter}"""
    return {name.replace(".default", ""): p for name, p in model.named_parameters() if "lora_" in name}


def batch_backward(model, samples, use_autocast=False):
    """Adds the gradient of sum(-logprob) / count over all scored tokens of the samples. Each row runs by itself, so nothing leaks.

    Returns (loss, count).
    """
    count = sum(sum(scored) for _, scored in samples)
    loss = 0.0
    for ids, scored in samples:
        with autocast(use_autocast):
            part = -row_logprobs(model, ids, scored).sum() / count
        part.backward()
        loss += part.item()
    return loss, count


def train(model, groups, steps, lr, schedule="constant", warmup=0, weight_decay=0.0, use_autocast=False, report=None):
    """AdamW over the LoRA parameters, one group of samples a step, round and round in order. Returns one dict a step."""
    params = list(lora_parameters(model).values())
    opt = torch.optim.AdamW(params, lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay)
    sched = get_cosine_schedule_with_warmup(opt, warmup, steps) if schedule == "cosine" else get_constant_schedule(opt)
    log = []
    for step in range(steps):
        opt.zero_grad()
        loss, count = batch_backward(model, groups[step % len(groups)], use_autocast)
        norm = torch.nn.utils.clip_grad_norm_(params, 1.0).item()
        used = sched.get_last_lr()[0]
        opt.step()
        sched.step()
        log.append({"step": step + 1, "loss": loss, "lr": used, "grad_norm": norm, "tokens": count})
        if report:
            report(log[-1])
    return log
