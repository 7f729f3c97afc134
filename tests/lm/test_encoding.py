"""Titles are sliced out of whole careers, and a tokenizer that blurs their edges is refused."""

from dataclasses import replace

import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from laborllm.errors import TaxonomyError
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.panel import Panel
from laborllm.text import CareerText, Template, render


@pytest.mark.parametrize("titles", ["literal", "numeric"])
def test_slices_decode_to_the_titles(panel: Panel, tokenizer: PreTrainedTokenizerFast, titles: str) -> None:
    template = Template(titles=titles)  # type: ignore[arg-type]
    encoder = CareerEncoder(tokenizer, template, panel.taxonomy)
    texts = list(render(panel, template))
    for text, encoded in zip(texts, encoder.encode(texts), strict=True):
        assert tokenizer.decode(list(encoded.tokens)) == text.text
        slices = [
            tokenizer.decode(list(encoded.tokens[s:e])) for s, e in zip(encoded.starts, encoded.ends, strict=True)
        ]
        spans = zip(text.prompt_ends, text.title_ends, strict=True)
        assert slices == [text.text[start : end + 1] for start, end in spans]


@pytest.mark.parametrize("last", [None, 2])
def test_an_open_career_is_the_closed_one_up_to_the_title(
    panel: Panel, tokenizer: PreTrainedTokenizerFast, last: int | None
) -> None:
    template = Template(last_records=last)
    encoder = CareerEncoder(tokenizer, template, panel.taxonomy)
    opened = panel.open(years=[2020])
    closed = replace(opened, records=opened.records.with_columns(pl.col("occupation").fill_null("3")))
    for one, other in zip(*(encoder.encode(render(part, template)) for part in (opened, closed)), strict=True):
        start, end = one.starts[-1], one.ends[-1]
        assert one.starts == other.starts
        assert start == end == len(one.tokens) or one == other
        assert one.tokens == other.tokens[: len(one.tokens)]
        assert one.observed == [
            place for place in zip(other.starts, other.ends, strict=True) if place[0] < len(one.tokens)
        ]


def test_a_merge_across_the_edge_of_a_title_is_refused(panel: Panel) -> None:
    """A tokenizer whose tokens are whole lines merges prompt, title and all."""
    lines = PreTrainedTokenizerFast(
        tokenizer_object=_word_level(["2000: Cashiers\n", "2001:"], pre_tokenizers.Split("\n", "merged_with_previous"))
    )
    with pytest.raises(TaxonomyError, match="merges the title 'Cashiers'"):
        _ = CareerEncoder(lines, Template(), panel.taxonomy).title_tokens


def test_a_newline_merged_with_the_next_line_is_refused(panel: Panel) -> None:
    splits = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "merged_with_next"), pre_tokenizers.Split(" ", "merged_with_next")]
    )
    merged = PreTrainedTokenizerFast(tokenizer_object=_word_level(["2000:", " Cashiers", "\n2001:"], splits))
    career = CareerText("1", "2000: Cashiers\n2001:", (5,), (14,))
    with pytest.raises(TaxonomyError, match="merges the title 'Cashiers'"):
        list(CareerEncoder(merged, Template(), panel.taxonomy).encode([career]))


def _word_level(words: list[str], splits: pre_tokenizers.PreTokenizer) -> Tokenizer:
    vocabulary = {word: index for index, word in enumerate(["?", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = splits
    return tokenizer
