"""Embeddings of titles by a base model: a vector each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.tokens.encoding import EncodedCareer


def title_vectors(base: BaseModel, titles: Sequence[str]) -> Tensor:
    """The mean of the last hidden states over the tokens of each title, (J, d)."""
    decoder = Decoder(base.model)
    with torch.inference_mode():
        return torch.stack([_mean_state(decoder, base.tokenizer(title).input_ids) for title in titles])


def _mean_state(decoder: Decoder, tokens: list[int]) -> Tensor:
    hidden, _ = decoder.forward_packed([EncodedCareer("", tuple(tokens), (), ())])
    return hidden.mean(dim=0)
