"""Titles scored by one plain pass over prompt and title each: slow, and the reference for the other methods."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens


def naive_scores(model: TextModel, careers: Sequence[EncodedCareer]) -> Iterator[TitleScores]:
    """The probability of every title for every record, career by career, by J passes of the model for each record."""
    titles = model.encoder.title_tokens
    for career in careers:
        prompts = [career.tokens[:start] for start in career.starts]
        log_prob = [[title_log_prob(model, prompt, title) for title in titles] for prompt in prompts]
        valid = [_greedy_title(model, prompt) in model.encoder.column for prompt in prompts]
        yield TitleScores.exact(np.array(log_prob), np.array(valid))


@torch.inference_mode()
def title_log_prob(model: TextModel, prompt: Tokens, title: Tokens) -> float:
    """Log-probability of one title after one prompt, from a pass over both.

    Args:
        model: The text model.
        prompt: Its tokens.
        title: The tokens of the title.

    Returns:
        Nats.
    """
    places = torch.arange(len(prompt) - 1, len(prompt) + len(title) - 1)
    log_prob = model.decoder.log_softmax(prompt + title)[places]
    columns = model.decoder.columns(torch.tensor(title, device=model.decoder.device)).cpu()
    return float(log_prob[torch.arange(len(title)), columns].sum())


def _greedy_title(model: TextModel, prompt: Tokens) -> Tokens:
    """The most probable tokens after a prompt, up to the first title they make, or the length of the longest."""
    longest = max(map(len, model.encoder.title_tokens))
    title: Tokens = ()
    while len(title) < longest and title not in model.encoder.column:
        title += (model.decoder.greedy(prompt + title),)
    return title
