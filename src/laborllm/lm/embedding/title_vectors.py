"""What a base model makes of the titles alone: a vector each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Reader
from laborllm.lm.tokens.encoding import EncodedCareer


def title_vectors(base: BaseModel, titles: Sequence[str]) -> Tensor:
    """The mean of the last hidden states over the tokens of each title, (J, d)."""
    reader = Reader(base.model)
    with torch.inference_mode():
        return torch.stack([_mean_state(reader, base.tokenizer(title).input_ids) for title in titles])


def _mean_state(reader: Reader, tokens: list[int]) -> Tensor:
    hidden, _ = reader.careers([EncodedCareer("", tuple(tokens), (), ())])
    return hidden.mean(dim=0)
