"""A career that is longer than the base model reads is an error, or loses its oldest records and nothing else."""

import polars as pl
import pytest
from transformers import PreTrainedTokenizerFast

from laborllm.errors import CapacityError
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.lm.tuning.truncation import require_fit, truncate
from laborllm.panel import Panel
from laborllm.text import Template, render


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(), panel.taxonomy)


def tokens(panel: Panel, encoder: CareerEncoder) -> dict[str, int]:
    return {career.worker: len(career.tokens) for career in encoder.encode(render(panel, encoder.template))}


@pytest.mark.parametrize("below", [1, 20, 45])
def test_the_oldest_records_go(below: int, panel: Panel, encoder: CareerEncoder) -> None:
    before = tokens(panel, encoder)
    context = max(before.values()) + max(map(len, encoder.title_tokens)) - below
    room = context - max(map(len, encoder.title_tokens))
    short = truncate(panel, encoder, context)
    after = tokens(short, encoder)
    assert after.keys() == before.keys()
    assert max(after.values()) <= room
    for worker, records in panel.records.group_by("worker"):
        kept = short.records.filter(pl.col("worker") == worker[0])
        assert kept.equals(records.sort("year").tail(len(kept)))
        assert before[str(worker[0])] > room or len(kept) == len(records)
    with pytest.raises(CapacityError, match=f"longer than the {context} tokens") as refused:
        require_fit(panel, encoder, context)
    assert refused.value.hint == "--overflow truncate leaves out their oldest records"


def test_what_fits_is_left_alone(panel: Panel, encoder: CareerEncoder) -> None:
    context = max(tokens(panel, encoder).values()) + max(map(len, encoder.title_tokens))
    assert require_fit(panel, encoder, context) is panel
    assert truncate(panel, encoder, context) is panel


def test_one_record_that_does_not_fit_is_refused(panel: Panel, encoder: CareerEncoder) -> None:
    with pytest.raises(CapacityError, match="a career of one record has"):
        truncate(panel, encoder, 40)
