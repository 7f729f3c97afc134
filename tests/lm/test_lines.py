"""Careers put together from known lines have the tokens of whole careers; where lines do not stand alone, none is."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tokens.lines import KnownLines, lines_of
from laborllm.panel import Panel
from laborllm.text import CareerText, Template, render


def one_by_one(encoder: CareerEncoder, careers: list[CareerText]) -> Iterator[EncodedCareer]:
    """Each by an encoder that knows no line yet."""
    for career in careers:
        yield from replace(encoder).encode([career])


@pytest.mark.parametrize("template", [Template(), Template(last_records=2)], ids=["careers", "windows"])
@pytest.mark.parametrize("prefix", ["", "Titles, one a line:\nCashiers\n2000: Cashiers\n"], ids=["", "prefix"])
def test_careers_of_known_lines_have_the_tokens_of_whole_ones(
    panel: Panel, tokenizer: PreTrainedTokenizerFast, template: Template, prefix: str
) -> None:
    encoder = CareerEncoder(tokenizer, template, panel.taxonomy, prefix)
    for part in (panel, panel.open(years=[2020])):
        careers = list(render(part, template))
        assert list(encoder.encode(careers)) == list(encoder.encode(careers)) == list(one_by_one(encoder, careers))


def test_a_career_of_known_lines_is_not_tokenised(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = CareerEncoder(tokenizer, Template(), panel.taxonomy)
    careers = list(render(panel, Template()))
    found = list(encoder.encode(careers))
    object.__setattr__(encoder, "tokenizer", None)  # would fail
    assert list(encoder.encode(careers)) == found


@given(st.lists(st.text("ab", max_size=5), min_size=1, max_size=8), st.sampled_from(["", "\n"]))
def test_lines_make_up_the_text_and_hold_its_titles(written: list[str], end: str) -> None:
    text = "\n".join(written) + end
    ends = [place for place, letter in enumerate(text) if letter == "\n"]
    lines = lines_of(text, [(place, place) for place in ends])
    assert "".join(line.text for line in lines) == text
    assert [line.next_letter for line in lines] == [line.text[0] for line in lines[1:]] + [""] * bool(lines)
    titles = [(len(line.text) - 1,) * 2 if line.text.endswith("\n") else None for line in lines]
    assert [line.title for line in lines] == titles
    assert [line.is_first for line in lines] == [True] * bool(lines) + [False] * (len(lines) - 1)


def test_a_vocabulary_with_a_token_over_the_end_of_a_line_knows_no_lines() -> None:
    assert not KnownLines.of(_word_level(["2000:", " Cashiers", "\n2001:"])).is_exact
    assert not KnownLines.of(_word_level(["Ċ20", "2000:"])).is_exact
    assert KnownLines.of(_word_level(["2000:", "ĊĊ", "ĊĠĠ", "\n", ":\n"])).is_exact


def test_lines_with_other_tokens_elsewhere_are_given_up() -> None:
    first, second = "2001: Cashiers\n2002:", "2000: Cashiers\n2001: Cashiers\n2002:"
    known = KnownLines(is_exact=True)
    known.learn(lines_of(first, [(5, 14)]), (1, 2, 3), [5, 15, 20], [(1, 2)])
    assert known.join(lines_of(first, [(5, 14)])) == ((1, 2, 3), [(1, 2)])
    known.learn(lines_of(second, [(5, 14), (20, 29)]), (1, 2, 1, 2, 4), [5, 15, 20, 30, 35], [(1, 2), (3, 4)])
    assert not known.is_exact
    assert known.join(lines_of(first, [(5, 14)])) is None


def _word_level(words: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(["?", *words])}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)
