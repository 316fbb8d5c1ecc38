#!/usr/bin/env python3
"""Chat templates as transformers renders them.

    chat_golden.py MODEL.gguf     writes tests/golden/chat.json: templates, messages and the text that apply_chat_template makes of them

"text" is null where Jinja raises an error; the product must then refuse too.
"""
import json
import pathlib
import sys

import gguf
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "chat.json"

CHATML = """{%- if messages[0]['role'] == 'system' -%}
    {%- set system = messages[0]['content'] -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set system = 'You are helpful.' -%}
    {%- set rest = messages -%}
{%- endif -%}
{{ bos_token }}<|im_start|>system
{{ system | trim }}<|im_end|>
{% for message in rest %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif -%}
    {{ '<|im_start|>' ~ message.role ~ '\\n' ~ message.content.strip() ~ '<|im_end|>' }}
    {%- if not loop.last %}

{% endif %}
{% endfor %}
{% if add_generation_prompt -%}
    {{ '\\n<|im_start|>assistant\\n' }}
{%- endif %}
"""

ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""

# One line a template; Expressions and white space that ChatML's relatives use, and what they must not do.
SMALL = [
    "a\n{% if true %}\n  b\n{% endif %}\nc\n\n",
    "a  {%- if true -%}  b  {%- endif -%}  c",
    "  {% if true %}x{% endif %}  \n \t {% if true +%}\ny{% endif %}",
    "  {%+ if true %}x{% endif %}\n{# note #}\n  {#- note -#}  z {# two\nlines #} w",
    "{{ 'a' }}\n  {{ 'b' }}\n{{- 'c' -}}\n d",
    "x\r\n{% if true %}\r\ny\r\n{% endif %}\r\n",
    "\n{% set a = 1 %}\n{{ a }}\n",
    "{% if true %}   {% if true %} q {% endif %}   {% endif %}",
    "{{ 1 + 2 - 4 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ -(2) }} {{ 1 ~ 2 ~ 'x' }} {{ 2 - 3 - 4 }}",
    "{{ \"q\\\"t\" }}{{ 't\\tn\\\\' }}{{ 'it\\'s' }}",
    "{{ 1 == 1 and 2 > 1 or false }} {{ not 1 < 0 }} {{ 1 != 1 }} {{ 'a' == 'a' }} {{ 'a' == 1 }} {{ true == 1 }} {{ none }} {{ 3 >= 3 }} {{ 2 <= 1 }}",
    "{{ 'b' in 'abc' }} {{ 'x' not in 'abc' }} {{ 'user' in ['user', 'tool'] }} {{ 2 in (1, 2) }} {{ 'role' in messages[0] }} {{ 'name' in messages[0] }}",
    "{{ x is defined }} {{ x is not defined }} {{ x is undefined }} {{ messages is defined }} {{ tools is none }} {{ tools is defined }} {{ messages[0].content is string }}",
    "{{ not x is defined and tools is none }} {{ x | default('d') }} {{ bos_token | default('d') }} {{ tools | default('d') }}[{{ x }}]",
    "{{ messages | length }} {{ 'aé日' | length }} {{ ' a b ' | trim | length }} {{ [1, 2, 3][1:] | length }} {{ x | length }}",
    "{{ 'y' if messages else 'n' }} {{ 'y' if '' else 'n' }} {{ 'y' if x else 'n' }} [{{ 'y' if false }}] {{ 1 if 0 else 2 if 0 else 3 }}",
    "{{ messages[0].role }} {{ messages[-1]['role'] }} [{{ messages[99] }}] [{{ messages[0].name }}] [{{ messages[0]['x'] }}]",
    "{% for m in messages[:2] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for m in messages[1:-1] %}{{ m.role }},{% endfor %}{% for m in messages[-2:] %}{{ m.role }};{% endfor %}{% for m in messages[5:1] %}!{% endfor %}",
    "{% set a = 1 %}{% for m in messages %}{% set a = a + 1 %}{{ a }}{% endfor %}{{ a }}",
    "{% for m in messages %}{% for m in messages %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}{{ m }}",
    "{% if x %}1{% elif messages | length > 100 %}2{% elif tools is none %}3{% else %}4{% endif %}",
    "{% if x %}1{% elif false %}2{% else %}4{% endif %}{% if false %}5{% endif %}",
    "{{ 'a' or 'b' }} {{ '' or 'b' }} {{ 'a' and 'b' }} {{ '' and 'b' }}| {{ none or 0 }}",
    "{{ 'a' + 1 ~ 'b' }} {{ 1 + 5 % 3 }} {{ 1 ~ 5 % 3 }} {{ not 1 == 2 }} {{ 1 or 0 and 0 }}",
    "{{ ('a' ~ 'b')|trim ~ 'c' }} {{ 'a' + 'b'|trim }} {{ ['a', 'b'][1] }} {{ ((('x'))) }}",
    "{% for m in x %}{{ m }}{% endfor %}ok",
    "{{ raise_exception('no') }}",
    "{{ x.y }}",
    "{{ 'a' + 1 }}",
    "{{ 1 < 'a' }}",
    "{{ 1 % 0 }}",
    "{{ 1 in 2 }}",
    "{% for m in 5 %}{% endfor %}",
    "{{ 'a' is foo }}",
    "{{ 'a' | nosuch }}",
    "{% if true %}",
    "{% endif %}",
    "{% if true %}{% endfor %}",
    "{{ 'a",
    "{{ (1 }}",
    "{{ }}",
    "{{ 1 2 }}",
    "{% frob %}",
    "{# never",
    "{{ 'a' }",
    "}} %} #} { { {",
]

CHATS = [
    [("user", "Hi"), ("assistant", "Hello!"), ("user", "  How? \n")],
    [("system", "Be brief."), ("user", "What is 2+2?"), ("assistant", "\u20034 <|im_end|>\n")],
    [("user", "{{ 7 * 7 }}{% if %}")],
    [("assistant", "first"), ("user", "é日😀")],
]


def render(template, bos, eos, messages, add):
    t = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token=bos, eos_token=eos)
    try:
        return t.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=add)
    except Exception as error:
        print(f"{template[:50]!r}: {error}", file=sys.stderr)
        return None


def main(model):
    own = gguf.GGUFReader(model).fields["tokenizer.chat_template"].contents()
    rows = []
    for template in [own, CHATML, ZEPHYR] + SMALL:
        for i, chat in enumerate(CHATS if template not in SMALL else CHATS[:1]):
            messages = [{"role": r, "content": c} for r, c in chat]
            for add in (False, True) if template not in SMALL else (False,):
                rows.append({"template": template, "messages": messages, "add_generation_prompt": add, "text": render(template, "<s>", "</s>", messages, add)})
    GOLDEN.write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
