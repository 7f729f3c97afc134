"""Reuse of the prompt's keys and values in transformers: the prompt runs once a record, titles follow in batches."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache, PreTrainedModel

from benchmarks.scoring_task import Floats
from laborllm.lm.tokens.encoding import Tokens

BATCH = 32  # titles


@torch.inference_mode()
def with_prefix_cache(model: PreTrainedModel, prompts: Sequence[Tokens], titles: Sequence[Tokens]) -> Floats:
    """Log-probability of every title after every prompt, (T, J) nats. Titles of like length share a batch, so that
    little is padding."""
    by_length = np.argsort([len(title) for title in titles], kind="stable")
    batches = [by_length[start : start + BATCH] for start in range(0, len(titles), BATCH)]
    found = np.empty((len(prompts), len(titles)))
    for row, prompt in enumerate(prompts):
        cache = DynamicCache(config=model.config)
        output = model(torch.tensor([prompt], device=model.device), past_key_values=cache, logits_to_keep=1)
        for columns in batches:
            batch = [titles[column] for column in columns]
            found[row, columns] = _titles(model, cache, output.logits[0, -1], batch)
    return found


def _titles(model: PreTrainedModel, prompt: DynamicCache, logits: Tensor, titles: Sequence[Tokens]) -> Floats:
    cache = copy.deepcopy(prompt)
    cache.batch_repeat_interleave(len(titles))
    length = max(map(len, titles))
    tokens = torch.stack([pad(torch.tensor(title), (0, length - len(title))) for title in titles]).to(model.device)
    there = torch.arange(length)[None] < torch.tensor([len(title) for title in titles])[:, None]
    mask = pad(there[:, :-1].long(), (prompt.get_seq_length(), 0), value=1).to(model.device)
    after = model(tokens[:, :-1], attention_mask=mask, past_key_values=cache).logits
    log_prob = torch.cat([logits.expand(len(titles), 1, -1), after], dim=1).float().log_softmax(dim=-1)
    followed = log_prob.gather(2, tokens[..., None])[..., 0].double().cpu()
    return np.asarray((followed * there).sum(dim=1).numpy())
