"""PyTorch's side of bench/engine: transformers' LlamaForCausalLM on CPU.

One JSON task per line on standard input, one JSON answer per line on standard output. Times are of whole rounds until
`seconds` have passed; the first rounds (compilation, warm-up) are left out.
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()


def rounds(step, seconds: float, warm: int) -> float:
    """Seconds per round."""
    for _ in range(warm):
        step()
    count, start = 0, time.perf_counter()
    while count < 2 or time.perf_counter() - start < seconds:
        step()
        count += 1
    return (time.perf_counter() - start) / count


def load(folder: str):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")


def train(folder, tokens, targets, seconds, compiled):
    """Forward, backward, clipping and AdamW on [B][T] tokens without padding; loss: mean cross entropy."""
    model = load(folder).train()
    inputs, wanted = torch.tensor(tokens), torch.tensor(targets).flatten()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.01)

    def loss_of(inputs, wanted):
        return torch.nn.functional.cross_entropy(model(input_ids=inputs, use_cache=False).logits.flatten(0, 1), wanted)

    forward = torch.compile(loss_of, dynamic=False) if compiled else loss_of
    losses = []

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(inputs, wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())

    each = rounds(step, seconds, 3)
    return {"tokensPerSecond": inputs.numel() / each, "firstLoss": losses[0], "secondLoss": losses[1]}


def generate(folder, prompts, each, new_tokens, seconds):
    """`generate` with its KV cache, sampling `each` continuations a prompt; and what it gives greedily."""
    model = load(folder).eval()
    inputs = torch.tensor(prompts)
    common = {"attention_mask": torch.ones_like(inputs), "pad_token_id": 0, "eos_token_id": None, "use_cache": True}
    with torch.inference_mode():
        greedy = model.generate(inputs[:8], do_sample=False, max_new_tokens=8, **{**common, "attention_mask": common["attention_mask"][:8]})
        sampling = {"do_sample": True, "top_k": 0, "num_return_sequences": each}
        seconds_per_round = rounds(
            lambda: model.generate(inputs, max_new_tokens=new_tokens, **sampling, **common), seconds, 1
        )
    return {"tokensPerSecond": inputs.shape[0] * each * new_tokens / seconds_per_round, "greedy": greedy[:, inputs.shape[1] :].tolist()}


for line in sys.stdin:
    task = json.loads(line)
    torch.set_num_threads(task.pop("threads"))
    torch.manual_seed(1)
    kind = task.pop("kind")
    if kind == "version":
        answer = {"version": torch.__version__}
    else:
        answer = (train if kind == "train" else generate)(**task)
    print(json.dumps(answer), flush=True)
