"""An open record is scored from its prompt by every method, as the closed one is."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from transformers import PreTrainedTokenizerFast

from laborllm.errors import OptionError
from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.scoring.quantisation import quantisation_cost
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.panel import Panel
from laborllm.text import Template, render

METHODS = [ScoringOptions("naive"), ScoringOptions("tree"), ScoringOptions("pruned", tolerance=1e-9)]


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(), panel.taxonomy)


def encoded(encoder: CareerEncoder, panel: Panel) -> list[EncodedCareer]:
    return list(encoder.encode(render(panel, encoder.template)))


@pytest.mark.parametrize("options", METHODS, ids=lambda options: options.method)
def test_an_open_record_is_scored_as_the_closed_one(
    options: ScoringOptions, base: BaseModel, encoder: CareerEncoder, panel: Panel
) -> None:
    first = panel.sample(6, seed=0)
    last = pl.int_range(pl.len()).over("worker") == pl.len().over("worker") - 1
    opened = replace(first, records=first.records.with_columns(pl.when(~last).then("occupation")))
    scorer = Scorer(TextModel(base, encoder))
    closed, found = (TitleScores.join(scorer.score(encoded(encoder, part), options)) for part in (first, opened))
    np.testing.assert_allclose(found.log_prob, closed.log_prob, atol=1e-4)
    assert (found.error_bound < 1e-6).all()


def test_the_cost_of_quantisation_is_measured_on_observed_records(
    base: BaseModel, encoder: CareerEncoder, panel: Panel
) -> None:
    scorer = Scorer(TextModel(base, encoder))
    alone = replace(panel, records=panel.records.filter(pl.col("year") == 1990).with_columns(occupation=pl.lit(None)))
    with pytest.raises(OptionError, match="measured on observed records, and all of these are open"):
        quantisation_cost(scorer, scorer, "bfloat16", encoded(encoder, alone))
    cost = quantisation_cost(scorer, scorer, "bfloat16", encoded(encoder, panel.open(years=[2020])))
    assert cost.records == 8
