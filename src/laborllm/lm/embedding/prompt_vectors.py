"""Embeddings of careers so far by a frozen language model: one vector for the prompt of each record."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from laborllm.lm.embedding import Pooling
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.lm.tokens.packing import packed
from laborllm.runtime import FORWARD_TOKENS


@torch.inference_mode()
def prompt_vectors(decoder: Decoder, careers: Sequence[EncodedCareer], pooling: Pooling) -> Iterator[Tensor]:
    """Embed the prompt of every record; one pass over a career serves all its records.

    Args:
        decoder: The language model.
        careers: Careers as tokens.
        pooling: "last" for the last hidden state of a prompt's last token, "mean" for the mean over its tokens.

    Yields:
        (T, d) float32 for each career, a vector per record.

    Raises:
        CapacityError: A career is longer than the model's context.
    """
    decoder.require_room(careers)
    for pack in packed(careers, FORWARD_TOKENS[decoder.device.type]):
        with decoder.precision():
            hidden, pattern = decoder.forward_packed(pack)
        for career, states in zip(pack, hidden.split(pattern.lengths), strict=True):
            ends = torch.tensor(career.starts, device=states.device)
            yield (states[ends - 1] if pooling == "last" else _running_mean(states)[ends - 1]).float().cpu()


def _running_mean(states: Tensor) -> Tensor:
    """The mean of each row and those before it, (n, d)."""
    count = torch.arange(1, len(states) + 1, device=states.device)
    return states.double().cumsum(dim=0) / count[:, None]
