"""How fast the probabilities of all titles are read off a language model: our methods and those of other tools take
turns on the same records of the same career."""

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import torch

from benchmarks.counting import Count
from benchmarks.machine import matmul_rate
from benchmarks.other_tools.forward import exact, observed
from benchmarks.other_tools.lm_eval import with_lm_eval
from benchmarks.other_tools.prefix_cache import with_prefix_cache
from benchmarks.other_tools.vllm import Vllm
from benchmarks.scoring_method import InProcess, ScoringMethod, TimedRun
from benchmarks.scoring_task import Floats, ScoringTask, draw_task
from benchmarks.title_head import with_title_head
from laborllm.errors import OptionError
from laborllm.lm.base.load import BaseModel, load_base, locate
from laborllm.lm.forward.loglikelihood import loglikelihood
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.naive import title_log_prob
from laborllm.lm.scoring.options import Method, ScoringOptions
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.tokens.closed_vocabulary import tokens_in_use
from laborllm.lm.tokens.encoding import Tokens
from laborllm.progress import progress
from laborllm.runtime import best_device

FORWARD, CLOSED = "forward pass", "tree, closed vocabulary"
FEW_LAYERS = 4


def measure_scoring(
    base: str, *, records: int, titles: int, rounds: int, vllm: Path | None = None, seed: int = 0
) -> tuple[pl.DataFrame, float]:
    """Let every method score `records` of one synthetic career of 25 once a round, one method after the other.

    What runs a pass for each title scores `titles` of each record, and its rate is computed for as many as there are.
    lm-eval takes part where it is installed, vLLM where `vllm` is the Python of an environment that has it.

    Returns a row per method, medians over the rounds, and the machine's rate of float32 products in operations per
    second, measured in every round. Columns: method, titles (scored of each record), seconds, records_per_second,
    tokens (run, padding included), gflops (a second), matmul_share and forward_share (of the machine's rate, and of
    the plain forward pass), memory_gb (at most, beyond the weights), off_by (the largest difference from naive in
    float64, nats; None where another model is read). Raises `OptionError`.
    """
    if rounds < 1:
        raise OptionError(f"rounds must be at least 1, not {rounds}")
    ours, plain = load_base(base), load_base(base)
    plain.model.to(best_device())  # type: ignore[arg-type]
    task = draw_task(ours.tokenizer, records=records, titles=titles, seed=seed)
    vocabulary = tokens_in_use(task.encoder, [task.whole])
    with ExitStack() as stack:
        methods = [*_ours(ours, task, vocabulary), *_others(plain, task), *_heads(base, task)]
        if vllm is not None:
            weights = sum(weight.numel() * weight.element_size() for weight in plain.model.parameters())
            methods.append(stack.enter_context(Vllm(vllm, Path(locate(base)), task, weights=weights)))
        counts, runs, rates = _measure(methods, rounds)
    reference = exact(copy.deepcopy(plain.model).double(), task.pairs, vocabulary).reshape(2, *task.compared.shape)
    rows = [
        _row(method, count, its_runs, reference[int(method.name == CLOSED)])
        for method, count, its_runs in zip(methods, counts, runs, strict=True)
    ]
    return _shares(pl.DataFrame(rows), median(rates)), median(rates)


def _ours(base: BaseModel, task: ScoringTask, vocabulary: Tokens) -> list[ScoringMethod]:
    """Methods with our forward pass."""
    model = TextModel.on_best_device(base, task.encoder)
    scorer, closed = Scorer(model), Scorer(TextModel(base, task.encoder, vocabulary=vocabulary))
    all_titles, records = len(task.titles), len(task.prompts)

    def tree(scorer: Scorer, method: Method = "tree") -> Floats:
        (scores,) = scorer.score([task.career], ScoringOptions(method))
        return task.at_compared(scores.log_prob)

    def observed_titles() -> Floats:
        (log_prob,) = loglikelihood(model, [task.whole])
        return log_prob[task.rows, None]

    def naive() -> Floats:
        return np.array([title_log_prob(model, *pair) for pair in task.pairs]).reshape(task.compared.shape)

    titles = task.compared.shape[1]
    return [
        InProcess("loglikelihood", 1, len(task.whole.starts), base.model, observed_titles),
        InProcess("tree", all_titles, records, base.model, lambda: tree(scorer)),
        InProcess(CLOSED, all_titles, records, base.model, lambda: tree(closed)),
        InProcess("pruned", all_titles, records, base.model, lambda: tree(scorer, "pruned")[:, :1]),
        InProcess("naive", titles, task.worth_of_compared, base.model, naive),
    ]


def _others(base: BaseModel, task: ScoringTask) -> list[ScoringMethod]:
    """Methods with the forward pass of transformers."""

    def forward() -> Floats:
        return observed(base.model, task)[task.rows]

    def prefix_cache() -> Floats:
        return task.at_compared(with_prefix_cache(base.model, task.prompts, task.titles))

    def lm_eval() -> Floats:
        return with_lm_eval(base.model, base.tokenizer, task.pairs).reshape(task.compared.shape)

    titles, worth = task.compared.shape[1], task.worth_of_compared
    methods: list[ScoringMethod] = [
        InProcess(FORWARD, 1, len(task.whole.starts), base.model, forward),
        InProcess("prefix cache", len(task.titles), len(task.prompts), base.model, prefix_cache),
    ]
    return (
        methods
        if find_spec("lm_eval") is None
        else [*methods, InProcess("lm-eval", titles, worth, base.model, lm_eval)]
    )


def _heads(base: str, task: ScoringTask) -> list[ScoringMethod]:
    """The closed set of titles, read with all layers and with a few."""
    whole = with_title_head(base, task)
    layers = whole.model.config.get_text_config().num_hidden_layers
    return [whole, with_title_head(base, task, layers=min(FEW_LAYERS, layers))]


def _measure(methods: Sequence[ScoringMethod], rounds: int) -> tuple[list[Count], list[list[TimedRun]], list[float]]:
    """What each method takes, its runs, and the machine's rate in each round."""
    with progress("score", (1 + rounds) * len(methods), "runs") as advance:
        counts = []
        for method in methods:
            counts.append(method.count())
            advance(note=method.name)
        rates, runs = [], []
        for _ in range(rounds):
            rates.append(matmul_rate(torch.float32))
            for method in methods:
                runs.append(method.run())
                advance(note=method.name)
    return counts, [runs[at :: len(methods)] for at in range(len(methods))], rates


def _row(
    method: ScoringMethod, count: Count, runs: Sequence[TimedRun], reference: Floats
) -> dict[str, str | float | None]:
    seconds = median(run.seconds for run in runs)
    log_prob = runs[0].log_prob
    return {
        "method": method.name,
        "titles": method.titles,
        "seconds": seconds,
        "records_per_second": method.worth / seconds,
        "tokens": count.tokens,
        "gflops": None if count.flops is None else count.flops / seconds / 1e9,
        "memory_gb": None if count.memory is None else count.memory / 1e9,
        "off_by": None
        if method.is_another_model
        else float(np.abs(log_prob - reference[:, : log_prob.shape[1]]).max()),
    }


def _shares(found: pl.DataFrame, matmul_rate: float) -> pl.DataFrame:
    forward = found.filter(pl.col("method") == FORWARD)["gflops"].item()
    shares = [(pl.col("gflops") * 1e9 / matmul_rate).alias("matmul_share")]
    shares.append((pl.col("gflops") / forward).alias("forward_share"))
    return found.with_columns(shares).select(pl.all().exclude("memory_gb", "off_by"), "memory_gb", "off_by")
