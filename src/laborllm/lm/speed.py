"""How fast each way of scoring is on this machine, measured on made-up careers, and how far it is from naive."""

import time
from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import ModelError
from laborllm.lm.base import load_base
from laborllm.lm.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.scoring import title_scorer
from laborllm.lm.scoring_options import ScoringOptions
from laborllm.occupations import STATES, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.text import Template, render

RECORDS = 12  # of a made-up career
STAY = 0.7  # about the stay rate of yearly surveys


def measure_scoring(base: str, *, careers: int, seed: int = 0) -> pl.DataFrame:
    """Time the methods on made-up careers over occ1990dd, 335-odd titles.

    Columns: method (realised, tree, naive), records, seconds, records_per_second, and off_by: the largest difference
    of a log-probability from that of naive, in nats, on the one record that naive scores: a pass for each title.
    """
    if careers < 1:
        raise ModelError(f"cannot score {careers} careers: at least 1 is needed")
    panel = made_up_careers(careers, seed=seed)
    loaded = load_base(base)
    scorer = title_scorer(loaded, CareerEncoder(loaded.tokenizer, Template(), panel.taxonomy))
    encoded = list(scorer.encoder.encode(render(panel, scorer.encoder.template)))
    first = _first_record(encoded[0])
    list(scorer.score([first]))  # the first pass of a process is slower than those after it
    realised, realised_seconds = _timed(scorer.realised(encoded))
    tree, tree_seconds = _timed(scores.log_prob for scores in scorer.score(encoded))
    naive, naive_seconds = _timed(scores.log_prob for scores in scorer.score([first], ScoringOptions("naive")))
    observed = scorer.encoder.title_tokens.index(first.tokens[first.starts[0] : first.ends[0]])
    realised_off, tree_off = abs(realised[0][0] - naive[0][0, observed]), np.abs(tree[0][0] - naive[0][0]).max()
    rows = [
        ("realised", RECORDS * careers, realised_seconds, float(realised_off)),
        ("tree", RECORDS * careers, tree_seconds, float(tree_off)),
        ("naive", 1, naive_seconds, 0.0),
    ]
    measured = pl.DataFrame(rows, schema=["method", "records", "seconds", "off_by"], orient="row")
    rate = (pl.col("records") / pl.col("seconds")).alias("records_per_second")
    return measured.select("method", "records", "seconds", rate, "off_by")


def made_up_careers(careers: int, *, seed: int) -> Panel:
    """A panel of nobody: each year the occupation stays or is drawn anew, all alike likely."""
    generator = np.random.default_rng(seed)
    taxonomy = load_taxonomy("occ1990dd").with_states(list(STATES)[:3])
    drawn = generator.integers(len(taxonomy), size=(careers, RECORDS))
    stays = generator.random((careers, RECORDS)) < STAY
    stays[:, 0] = False
    since = np.maximum.accumulate(np.where(stays, 0, np.arange(RECORDS)), axis=1)
    columns = np.take_along_axis(drawn, since, axis=1)
    records = pl.DataFrame(
        {
            "worker": np.repeat([f"made-up {career}" for career in range(careers)], RECORDS),
            "year": np.tile(np.arange(2000, 2000 + RECORDS), careers),
            "occupation": [taxonomy.codes[column] for column in columns.flatten()],
            "education": "college",
            "split": "test",
        }
    )
    return Panel(records, taxonomy, "made-up", Provenance("made up"))


def _first_record(career: EncodedCareer) -> EncodedCareer:
    return EncodedCareer(career.worker, career.tokens[: career.ends[0]], career.starts[:1], career.ends[:1])


def _timed(scores: Iterable[NDArray[np.float64]]) -> tuple[list[NDArray[np.float64]], float]:
    start = time.perf_counter()
    return list(scores), time.perf_counter() - start
