"""The evaluation harness of EleutherAI: one request for each prompt and title, as its multiple-choice tasks do."""

from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from benchmarks.scoring_task import Floats
from laborllm.lm.tokens.encoding import Tokens

BATCH = 8  # requests


def with_lm_eval(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, pairs: Sequence[tuple[Tokens, Tokens]]
) -> Floats:
    """Log-probability of each title after its prompt, (pairs,) nats."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    harness = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=BATCH)
    texts = [tuple(tokenizer.decode(list(tokens)) for tokens in pair) for pair in pairs]
    requests = [Instance("loglikelihood", {}, text, index) for index, text in enumerate(texts)]
    return np.array([log_prob for log_prob, _ in harness.loglikelihood(requests, disable_tqdm=True)])
