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
    "{% macro f(a, b='x') %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{% set c = 1 %}{{ f(1) }}{{ f(1, b=2) }}{{ f(b=3) }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{% for i in [3] %}{{ f(i) }}{{ i }}{% endfor %}",
    "{% set ns = namespace(a=0, l=[]) %}{% for m in messages %}{% set ns.a = ns.a + loop.index %}{% set ns.l = ns.l + [m.role] %}{% endfor %}{{ ns.a }}{{ ns.l }}",
    "{% for m in messages if m.role == 'user' %}{{ loop.index }}/{{ loop.length }}{{ loop.revindex0 }}{{ loop.previtem is defined }}{{ loop.nextitem.role }}{% endfor %}",
    "{% for m in messages[:0] %}x{% else %}none{% endfor %}{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i > 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for k, v in {'b': 1, 'a': [true, none, 1.5, 'q\"\\n']}.items() %}{{ k }}={{ v }};{% endfor %}{% for k, v in {'b': 1, 'A': 2}|dictsort %}{{ k }}{{ v }}{% endfor %}",
    "{{ {'a': [1, 2.0, 1e5, -0.00001, 'é\"/\\u2028<b>'], 'b': {}, 'c': [], 'd': none} | tojson }}{{ {'b': [1, {'a': true}], 'a': []} | tojson(indent=2) }}",
    "{{ {'b': 1, 'a': 'é😀'} | tojson(ensure_ascii=true, sort_keys=true, separators=(',', ':')) }}",
    "{{ messages | map(attribute='role') | unique | join('-') }}{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | rejectattr('role', 'in', ['user']) | map(attribute='content') | first }}",
    "{{ 'a,b,c'.split(',')[-1] }}{{ 'a,b,c'.split(',', 1) }}{{ ' a  b '.split() }}{{ 'xaxx'.strip('x') }}{{ 'xaxx'.lstrip('x') }}{{ 'xaxx'.rstrip('x') }}{{ 'a-b'.title() }}{{ 'aBc'.upper() ~ 'aBc'|lower ~ 'aBc'|capitalize }}",
    "{{ 'aXbXc'.replace('X', '--', 1) }}{{ 'abc'|replace('b', '') }}{{ 'é日😀x'[::-1] }}{{ 'é日😀x'[1:3] }}{{ [1, 2, 3, 4][::2] }}{{ [1, 2, 3, 4][-1:0:-2] }}{{ 'é日'[-1] }}",
    "{{ '{} {1}'.format(1, 2) if false else '{}-{}'.format('a', 2) }}{{ '%' in 'a%' }}{{ 'ab'.startswith(('x', 'a')) }}{{ 'ab'.endswith('b') }}{{ 'a\\nb\\n\\nc'|indent(2) }}{{ 'a\\nb'|indent(1, true) }}",
    "{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 / 2 }}{{ 2 * 3 }}{{ 'ab' * 2 }}{{ 1.0 }}{{ 1e3 }}{{ 3.7|int }}{{ '12'|int + 1 }}{{ -3|abs }}{{ 'x' 'y' }}{{ '\\u00e9\\x41' }}",
    "{{ [] is iterable }}{{ {} is mapping }}{{ 'a' is sequence }}{{ 1 is number }}{{ true is integer }}{{ 1 is boolean }}{{ none is not none }}{{ 4 is divisibleby 2 }}{{ 3 is odd }}{{ x is undefined }}{{ 1 is in [1] }}",
    "{% set a, b = 1, 2 %}{{ b }}{{ a }}{% set x | trim | upper %}  q {{ a }} {% endset %}[{{ x }}]{% filter upper %}abc{% endfilter %}{% generation %}g{% endgeneration %}",
    "{{ {'items': 1}.items is defined }}{{ {'items': 1}['items'] }}{{ {'a': 1}.get('b') }}{{ {'a': 1}.get('b', 2) }}{{ 'a' in {'a': 1} }}{{ {'a': [1]} == {'a': [1.0]} }}{{ [3, 1, 2]|sort(reverse=true) }}{{ ['b', 'A']|sort }}",
    "{{ [1].append(2) }}",
    "{{ {'a': 1}.pop('a') }}",
    "{{ x | tojson }}",
    "{{ range(3) | list }}{{ range(5, 1, -2) | list }}{{ dict(a=1) }}{{ (1,) }}{{ [1, 2, 3]|reverse|list }}{{ [1, 2]|last }}{{ ''|default('z', true) }}",
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
