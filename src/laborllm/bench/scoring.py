"""How fast the probabilities of all titles are read off a language model: our ways beside those of others, on the same
records of the same career, in turn."""

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import torch

from laborllm.bench.counting import Count
from laborllm.bench.machine import matmul_rate
from laborllm.bench.rivals.forward import exact, observed
from laborllm.bench.rivals.lm_eval import with_lm_eval
from laborllm.bench.rivals.prefix_cache import with_prefix_cache
from laborllm.bench.rivals.vllm import Vllm
from laborllm.bench.sample import Floats, Sample, draw_sample
from laborllm.bench.title_head import with_title_head
from laborllm.bench.way import InProcess, Run, Way
from laborllm.errors import ModelError
from laborllm.lm.base.load import BaseModel, load_base, locate
from laborllm.lm.scoring.options import Method, ScoringOptions
from laborllm.lm.scoring.scorer import Scorer, title_scorer
from laborllm.lm.tokens.closed_vocabulary import tokens_in_use
from laborllm.lm.tokens.encoding import Tokens
from laborllm.progress import progress
from laborllm.runtime import best_device

FORWARD, CLOSED = "forward pass", "tree, closed vocabulary"
FEW_LAYERS = 4


def measure_scoring(
    base: str, *, records: int, titles: int, rounds: int, vllm: Path | None = None, seed: int = 0
) -> tuple[pl.DataFrame, float]:
    """Let every way score `records` of one synthetic career of 25 once a round, one way after the other.

    What runs a pass for each title scores `titles` of each record, and its rate is that of as many as there are.
    lm-eval takes part where it is installed, vLLM where `vllm` is the Python of an environment that has it.

    Returns a row per way, medians over the rounds, and the machine's rate of float32 products in operations per second,
    measured in every round. Columns: method, titles (scored of each record), seconds, records_per_second, tokens (run,
    padding included), gflops (a second), matmul_share and forward_share (of the machine's rate, and of that of the
    plain forward pass), memory_gb (at most, beyond the weights), off_by (the largest difference from naive in float64,
    nats; None where another model is read). Raises `ModelError`.
    """
    if rounds < 1:
        raise ModelError(f"rounds must be at least 1, not {rounds}")
    ours, plain = load_base(base), load_base(base)
    plain.model.to(best_device())  # type: ignore[arg-type]
    sample = draw_sample(ours.tokenizer, records=records, titles=titles, seed=seed)
    vocabulary = tokens_in_use(sample.encoder, [sample.whole])
    with ExitStack() as stack:
        ways = [*_ours(ours, sample, vocabulary), *_others(plain, sample), *_heads(base, sample)]
        if vllm is not None:
            weights = sum(weight.numel() * weight.element_size() for weight in plain.model.parameters())
            ways.append(stack.enter_context(Vllm(vllm, Path(locate(base)), sample, weights=weights)))
        counts, runs, rates = _measure(ways, rounds)
    truth = exact(copy.deepcopy(plain.model).double(), sample.pairs, vocabulary).reshape(2, *sample.compared.shape)
    rows = [
        _row(way, count, its_runs, truth[int(way.name == CLOSED)])
        for way, count, its_runs in zip(ways, counts, runs, strict=True)
    ]
    return _shares(pl.DataFrame(rows), median(rates)), median(rates)


def _ours(base: BaseModel, sample: Sample, vocabulary: Tokens) -> list[Way]:
    """Ways of one model, whose attention follows layouts."""
    scorer = title_scorer(base, sample.encoder)
    closed = Scorer(base, sample.encoder, vocabulary=vocabulary)
    all_titles, records = len(sample.titles), len(sample.prompts)

    def tree(scorer: Scorer, method: Method = "tree") -> Floats:
        (scores,) = scorer.score([sample.career], ScoringOptions(method))
        return sample.at_compared(scores.log_prob)

    def realised() -> Floats:
        (log_prob,) = scorer.realised([sample.whole])
        return log_prob[sample.rows, None]

    def naive() -> Floats:
        return np.array([scorer.title(*pair) for pair in sample.pairs]).reshape(sample.compared.shape)

    titles = sample.compared.shape[1]
    return [
        InProcess("realised", 1, len(sample.whole.starts), base.model, realised),
        InProcess("tree", all_titles, records, base.model, lambda: tree(scorer)),
        InProcess(CLOSED, all_titles, records, base.model, lambda: tree(closed)),
        InProcess("pruned", all_titles, records, base.model, lambda: tree(scorer, "pruned")[:, :1]),
        InProcess("naive", titles, sample.worth_of_compared, base.model, naive),
    ]


def _others(base: BaseModel, sample: Sample) -> list[Way]:
    """Ways of one model as transformers runs it."""

    def forward() -> Floats:
        return observed(base.model, sample)[sample.rows]

    def prefix_cache() -> Floats:
        return sample.at_compared(with_prefix_cache(base.model, sample.prompts, sample.titles))

    def lm_eval() -> Floats:
        return with_lm_eval(base.model, base.tokenizer, sample.pairs).reshape(sample.compared.shape)

    titles, worth = sample.compared.shape[1], sample.worth_of_compared
    ways: list[Way] = [
        InProcess(FORWARD, 1, len(sample.whole.starts), base.model, forward),
        InProcess("prefix cache", len(sample.titles), len(sample.prompts), base.model, prefix_cache),
    ]
    return ways if find_spec("lm_eval") is None else [*ways, InProcess("lm-eval", titles, worth, base.model, lm_eval)]


def _heads(base: str, sample: Sample) -> list[Way]:
    """The closed set of titles, read with all layers and with a few."""
    whole = with_title_head(base, sample)
    layers = whole.model.config.get_text_config().num_hidden_layers
    return [whole, with_title_head(base, sample, layers=min(FEW_LAYERS, layers))]


def _measure(ways: Sequence[Way], rounds: int) -> tuple[list[Count], list[list[Run]], list[float]]:
    """What each way takes, its runs, and the machine's rate in each round."""
    with progress("score", (1 + rounds) * len(ways), "runs") as advance:
        counts = []
        for way in ways:
            counts.append(way.count())
            advance(note=way.name)
        rates, runs = [], []
        for _ in range(rounds):
            rates.append(matmul_rate(torch.float32))
            for way in ways:
                runs.append(way.run())
                advance(note=way.name)
    return counts, [runs[at :: len(ways)] for at in range(len(ways))], rates


def _row(way: Way, count: Count, runs: Sequence[Run], truth: Floats) -> dict[str, str | float | None]:
    seconds = median(run.seconds for run in runs)
    log_prob = runs[0].log_prob
    return {
        "method": way.name,
        "titles": way.titles,
        "seconds": seconds,
        "records_per_second": way.worth / seconds,
        "tokens": count.tokens,
        "gflops": None if count.flops is None else count.flops / seconds / 1e9,
        "memory_gb": None if count.memory is None else count.memory / 1e9,
        "off_by": None if way.is_another_model else float(np.abs(log_prob - truth[:, : log_prob.shape[1]]).max()),
    }


def _shares(found: pl.DataFrame, matmul_rate: float) -> pl.DataFrame:
    forward = found.filter(pl.col("method") == FORWARD)["gflops"].item()
    shares = [(pl.col("gflops") * 1e9 / matmul_rate).alias("matmul_share")]
    shares.append((pl.col("gflops") / forward).alias("forward_share"))
    return found.with_columns(shares).select(pl.all().exclude("memory_gb", "off_by"), "memory_gb", "off_by")
