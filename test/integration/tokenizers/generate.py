"""Writes test/fixtures/chat-templates.json: what transformers itself makes of a set of texts and conversations.

Everything is made here: the tokenizers are trained on the texts below, and the templates are our own, written in the shapes
of common model families (ChatML with tools and thinking; headers; turns; instruction brackets; thinking blocks).

    uv run python generate.py ../../fixtures/chat-templates.json
"""

import json
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = [
    "def f(xs):\n    total = 0\n    for x in xs:\n        total += x * 2\n    return total\n",
    "The loop runs three times; total is 2, then 6, then 12.",
    "print(sorted({'b': 1, 'a': 2}.items(), key=lambda kv: -kv[1]))",
    "Step 1: i=0, s=''. Step 2: i=1, s='a'. The output is 'ab'.",
    "Überprüfung: naïve café, 数字 12345, emoji 🙂, tab\tand  double  spaces.",
    "assert f([1, 2, 3]) == 12  # 3.14159 and -1e-5\r\nwindows line",
    "don't can't we'll I'm they've it's he'd you're",
    "   leading spaces, trailing spaces   ",
    "\n\n\nblank lines\n\n",
    "",
]

CHATML = """{%- if tools %}
<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content }}

{% endif %}You may call these functions:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
<|im_end|>
{% elif messages[0].role == 'system' %}
<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}
{%- set ns = namespace(last=-1) %}
{%- for message in messages %}
    {%- if message.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == 'assistant' %}
        {%- set text = message.content %}
        {%- if '</think>' in text and loop.index0 < ns.last %}{% set text = text.split('</think>')[-1].lstrip('\\n') %}{% endif %}
        {{- '<|im_start|>assistant\\n' + text }}
        {%- for call in message.tool_calls or [] %}
            {{- '\\n<call>' + ({'name': call.function.name, 'arguments': call.function.arguments} | tojson) + '</call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>user\\n<result>' ~ message.content ~ '</result><|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

HEADERS = """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = 'You are careful.' %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' + system }}
{%- if tools is not none and tools %}
    {{- '\\n\\nFunctions:\\n' }}
    {%- for tool in tools %}
        {{- tool | tojson(indent=4) }}
        {{- '\\n\\n' }}
    {%- endfor %}
{%- endif %}
{{- '<|eot_id|>' }}
{%- for message in messages %}
    {%- if message.role == 'tool' %}
        {{- '<|start_header_id|>ipython<|end_header_id|>\\n\\n' + (message.content | string | tojson) + '<|eot_id|>' }}
    {%- elif message.tool_calls is defined and message.tool_calls %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}
        {{- '}<|eot_id|>' }}
    {%- else %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

TURNS = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\\n\\n' %}{% set rest = messages[1:] %}{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}
{%- for message in rest -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('roles must alternate user, assistant, user') }}
    {%- endif -%}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '\\n' + (first if loop.first else '') }}
    {%- if message['content'] is string -%}{{ message['content'] | trim }}{%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}
"""

BRACKETS = """{%- if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set loop_messages = messages[1:] %}{% else %}{% set loop_messages = messages %}{% endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message['role'] == 'user' %}
        {%- if tools and loop.last %}{{ '[TOOLS] ' + (tools | tojson) + '[/TOOLS]' }}{% endif %}
        {%- if loop.last and system is defined %}
            {{- '[INST] ' + system + '\\n\\n' + message['content'] + ' [/INST]' }}
        {%- else %}
            {{- '[INST] ' + message['content'] + ' [/INST]' }}
        {%- endif %}
    {%- elif message['role'] == 'assistant' %}
        {{- ' ' + message['content'] | trim + eos_token }}
    {%- endif %}
{%- endfor %}
"""

THINKING = """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(system='', after_tool=false) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system = ns.system + message['content'] %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system }}
{%- for message in messages %}
    {%- if message['role'] == 'user' %}{% set ns.after_tool = false %}{{ '<|User|>' + message['content'] }}{%- endif %}
    {%- if message['role'] == 'assistant' and message['tool_calls'] %}
        {%- for call in message['tool_calls'] %}
            {{- '<|Assistant|><call>' + call['function']['name'] + '\\n```json\\n' + (call['function']['arguments'] | tojson) + '\\n```</call>' }}
        {%- endfor %}{{ eos_token }}
    {%- elif message['role'] == 'assistant' %}
        {%- set content = message['content'] %}
        {%- if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}
        {%- if ns.after_tool %}{{ content + eos_token }}{% set ns.after_tool = false %}{% else %}{{ '<|Assistant|>' + content + eos_token }}{% endif %}
    {%- elif message['role'] == 'tool' %}{{ '<result>' + message['content'] + '</result>' }}{% set ns.after_tool = true %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt and not ns.after_tool %}{{ '<|Assistant|><think>\\n' }}{% endif %}"""

TOOL = {
    "type": "function",
    "function": {
        "name": "run",
        "description": "Runs a program; \"stdin\" is <optional> & may be empty — é.",
        "parameters": {
            "type": "object",
            "properties": {"source": {"type": "string"}, "limit": {"type": "number", "default": 1.5}, "flags": {"type": "array", "items": {}}},
            "required": ["source"],
        },
    },
}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "run", "arguments": {"source": "print('é')\n", "limit": 2, "deep": {"a": [1, None, True]}}}}]}

CONVERSATIONS = {
    "one turn": [{"role": "user", "content": "What does f([1, 2]) give?"}],
    "system and history": [
        {"role": "system", "content": "  Answer briefly.  "},
        {"role": "user", "content": "Trace this:\n\n    for i in range(2):\n        print(i)\n"},
        {"role": "assistant", "content": "0\n1\n"},
        {"role": "user", "content": "And with range(3)? 数字 🙂"},
    ],
    "thinking": [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\nfour"},
        {"role": "user", "content": "and 3 + 3?"},
        {"role": "assistant", "content": "<think>\nThree and three.\n</think>\n\nsix"},
    ],
    "markup in the text": [{"role": "user", "content": "{{ bos_token }} {% if x %} <|im_end|> </s> [INST] <|eot_id|>"}],
}
TOOLS = {
    "a tool is called": [
        {"role": "user", "content": "Run it."},
        CALL,
        {"role": "tool", "content": "é\n"},
        {"role": "user", "content": "Thanks. Again?"},
    ],
}

QWEN_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA_SPLIT = QWEN_SPLIT.replace(r"\p{N}|", r"\p{N}{1,3}|", 1)


def byte_level(split, special, bos=None):
    tokenizer = Tokenizer(models.BPE(ignore_merges=bos is not None))
    if bos is None:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=380, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    return tokenizer


def sentence_piece(special, prepend):
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    steps = [normalizers.Prepend("▁")] if prepend else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *([decoders.Strip(" ", 1, 0)] if prepend else [])]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=430, special_tokens=["<unk>", *special, *[f"<0x{i:02X}>" for i in range(256)]], show_progress=False
    )
    # Words and their preceding space, as sentencepiece sees them; digits one by one.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[0-9]|▁?[^▁0-9]+|▁"), behavior="isolated")
    tokenizer.train_from_iterator([text for text in TEXTS if text.isascii()], trainer)
    tokenizer.pre_tokenizer = None if prepend else pre_tokenizers.Split(Regex("[0-9]"), behavior="isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{special[0]} $A", pair=f"{special[0]} $A $B", special_tokens=[(special[0], tokenizer.token_to_id(special[0]))]
    )
    # The bytes are plain vocabulary, not special tokens.
    parsed = json.loads(tokenizer.to_str())
    parsed["added_tokens"] = [t for t in parsed["added_tokens"] if not t["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(parsed))


FAMILIES = {
    "chatml": (byte_level(QWEN_SPLIT, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]), CHATML, {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}, [{}, {"enable_thinking": False}], True),
    "headers": (byte_level(LLAMA_SPLIT, ["<|begin|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"], "<|begin|>"), HEADERS, {"bos_token": "<|begin|>", "eos_token": "<|eot_id|>"}, [{}], True),
    "turns": (sentence_piece(["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"], False), TURNS, {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}, [{}], False),
    "brackets": (sentence_piece(["<s>", "</s>"], True), BRACKETS, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, [{}], False),
    "thinking": (byte_level(LLAMA_SPLIT, ["<|bos|>", "<|eos|>", "<|User|>", "<|Assistant|>"], "<|bos|>"), THINKING, {"bos_token": "<|bos|>", "eos_token": "<|eos|>"}, [{}], True),
}


def plain(value):
    """transformers' answer as ids, whatever container it comes in."""
    return list(value["input_ids"] if hasattr(value, "keys") else value)


def cases(fast, options, with_tools):
    for extra in options:
        for name, messages in {**CONVERSATIONS, **(TOOLS if with_tools else {})}.items():
            for generation in (True, False):
                for tools in (None, [TOOL]) if with_tools else (None,):
                    shared = dict(add_generation_prompt=generation, tools=tools, **extra)
                    text = fast.apply_chat_template(messages, tokenize=False, **shared)
                    ids = plain(fast.apply_chat_template(messages, tokenize=True, **shared))
                    yield {"name": name, "messages": messages, "generation": generation, "tools": tools, "variables": extra, "text": text, "ids": ids}


def main(path):
    families = {}
    for name, (tokenizer, template, tokens, options, with_tools) in FAMILIES.items():
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens)
        fast.chat_template = template
        families[name] = {
            "tokenizer": json.loads(tokenizer.to_str()),
            "config": {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, "chat_template": template, **tokens},
            "texts": [
                {"text": text, "ids": plain(fast(text, add_special_tokens=False)), "decoded": fast.decode(plain(fast(text, add_special_tokens=False)), skip_special_tokens=True)}
                for text in TEXTS
            ],
            "conversations": list(cases(fast, options, with_tools)),
        }
    with open(path, "w", encoding="utf8") as file:
        json.dump({"families": families}, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


main(sys.argv[1])
