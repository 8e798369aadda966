"""Log-probabilities of sequences under Hugging Face folders, by transformers on CPU in float32.

Reads one JSON object on standard input: {"create": [{"folder", "seed", "config"}], "measure": [{"folder", "tokens"}]}. Makes
the folders under `create` (LlamaForCausalLM, random weights), then prints, per folder under `measure`, a list of
[log p(tokens[t+1] | tokens[..t])] per sequence.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM


def create(folder: str, seed: int, config: dict) -> None:
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**config, tie_word_embeddings=True)).float()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, 0.2)
    model.save_pretrained(folder)


def measure(folder: str, sequences: list[list[int]]) -> list[list[float]]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    results = []
    with torch.no_grad():
        for tokens in sequences:
            logits = model(torch.tensor([tokens])).logits[0, :-1]
            logprobs = torch.log_softmax(logits, dim=-1)
            results.append(logprobs.gather(1, torch.tensor(tokens[1:])[:, None])[:, 0].tolist())
    return results


torch.set_num_threads(1)
task = json.load(sys.stdin)
for entry in task["create"]:
    create(**entry)
print(json.dumps([measure(entry["folder"], entry["tokens"]) for entry in task["measure"]]))
