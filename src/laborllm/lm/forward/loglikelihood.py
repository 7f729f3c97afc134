"""The log-probability of the titles that were observed, from one pass over each career: no other title is scored."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.lm.tokens.packing import packed
from laborllm.runtime import FORWARD_TOKENS


@torch.no_grad()  # not inference_mode: training resumes with sharded weights that are gathered here
def loglikelihood(model: TextModel, careers: Sequence[EncodedCareer]) -> Iterator[NDArray[np.float64]]:
    """Log-probability of each observed title in nats, (T,) per career without open records, several careers to a pass.

    The `loglikelihood` of lm-evaluation-harness, with the prompt as context and the title as continuation: not
    normalised over titles.
    """
    model.require_room(careers)
    for pack in packed(careers, FORWARD_TOKENS[model.decoder.device.type]):
        with model.decoder.precision():
            hidden, pattern = model.decoder.forward_packed(pack)
            parts = zip(pack, hidden.split(pattern.lengths), strict=True)
            log_prob = [observed_log_prob(model.decoder, career, states) for career, states in parts]
        yield from log_prob


def observed_log_prob(decoder: Decoder, career: EncodedCareer, states: Tensor) -> NDArray[np.float64]:
    """Log-probability of the observed titles of one career.

    Args:
        decoder: The language model.
        career: The career as tokens.
        states: Its last hidden states, (n, d).

    Returns:
        (m,) nats for its m observed records.
    """
    spans = [range(start, end) for start, end in career.observed]
    places = torch.tensor([place for span in spans for place in span], device=states.device)
    tokens = torch.tensor(career.tokens, device=states.device)[places]
    rows = torch.arange(len(places), device=states.device)
    log_prob, _ = decoder.next_tokens(states[places - 1], rows, tokens)
    title = np.repeat(np.arange(len(spans)), [len(span) for span in spans])
    return np.bincount(title, log_prob.cpu().numpy()).astype(np.float64)


def title_perplexity(model: TextModel, careers: Sequence[EncodedCareer]) -> float:
    """Perplexity of the observed titles of all careers, by their text."""
    return float(np.exp(-np.concatenate(list(loglikelihood(model, careers))).mean()))
