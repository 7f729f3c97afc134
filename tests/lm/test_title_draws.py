"""Draws of titles against the exact forecast of a tiny tuned model, and inversion against its definition."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare  # type: ignore[import-untyped]

from laborllm.lm.kernels.packed_attention import PackedAttention
from laborllm.lm.scoring import title_draws
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_draws import draw_titles, invert
from laborllm.lm.scoring.trie_expansion import TrieExpansion
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.language.specs import LanguageModel
from laborllm.models.language.titles import encode
from laborllm.panel import Panel

DRAWS = 4000


@pytest.fixture(scope="module")
def scorer(base_folder: Path, panel: Panel) -> Scorer:
    """A tuned model, whose raw mass on titles is well between none and one: draws are rejected, and accepted."""
    training = TuningConfig(method="full", learning_rate=3e-2, epochs=6, batch_size=2)
    return Scorer(LanguageModel(str(base_folder), training=training).fit(panel).text_model)


@pytest.fixture(scope="module")
def prompts(scorer: Scorer, panel: Panel) -> list[EncodedCareer]:
    """Three careers with an open record."""
    return encode(scorer.model.encoder, panel.sample(3, seed=0).open([2005]))


def expansion_after(scorer: Scorer, prompts: list[EncodedCareer]) -> TrieExpansion:
    with torch.inference_mode():
        hidden, prefix = scorer.model.decoder.forward_packed(prompts, keep_kv=True)
        ends = np.cumsum([len(prompt.tokens) for prompt in prompts])
        assert isinstance(prefix, PackedAttention)
        places = list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))
        return TrieExpansion(scorer.model.decoder, scorer.trie, hidden[ends - 1], prefix, places)


def drawn(scorer: Scorer, prompts: list[EncodedCareer], first: int, seed: int = 0) -> np.ndarray:
    """(B, DRAWS) columns."""
    record = np.repeat(np.arange(len(prompts)), DRAWS)
    uniform = np.random.default_rng(seed).random(len(record))
    with torch.inference_mode():
        columns = draw_titles(expansion_after(scorer, prompts), record, np.full(len(record), first), uniform)
    return columns.reshape(len(prompts), DRAWS)


@pytest.mark.parametrize("attempts", [title_draws.ATTEMPTS, 1, 1000], ids=["as it is", "whole trie soon", "never"])
def test_draws_follow_the_normalised_forecast(
    attempts: int, scorer: Scorer, prompts: list[EncodedCareer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way rejections end: at once in the whole trie, or in as many new beginnings as it takes."""
    exact = np.concatenate([scores.log_prob[-1:] for scores in scorer.score(prompts)])
    mass = np.exp(exact).sum(axis=1)
    assert (mass > 0.005).all()
    assert (mass < 0.98).all()
    probability = np.exp(exact) / mass[:, None]
    monkeypatch.setattr(title_draws, "ATTEMPTS", attempts)
    for columns, expected in zip(drawn(scorer, prompts, len(scorer.trie.title_edges)), probability, strict=True):
        counts = np.bincount(columns, minlength=len(expected))
        often = expected * DRAWS >= 5
        observed, wanted = (np.append(of[often], of[~often].sum()) for of in (counts, expected * DRAWS))
        keep = wanted > 0.5
        assert chisquare(observed[keep], wanted[keep] * observed[keep].sum() / wanted[keep].sum()).pvalue > 1e-3
        noise = np.sqrt(expected * (1 - expected) / DRAWS).sum() / 2
        assert np.abs(counts / DRAWS - expected).sum() / 2 < 2 * noise


def test_the_title_put_first_is_drawn_by_the_smallest_numbers(scorer: Scorer, prompts: list[EncodedCareer]) -> None:
    raw = np.exp(np.concatenate([scores.log_prob[-1:] for scores in scorer.score(prompts)]))
    first = int(raw[0].argmax())
    record, below = np.zeros(20, dtype=np.int64), np.linspace(0, raw[0, first] * 0.999, 20)
    with torch.inference_mode():
        found = draw_titles(expansion_after(scorer, prompts), record, np.full(20, first), below)
        other = draw_titles(
            expansion_after(scorer, prompts), record[:1], np.array([first]), np.array([raw[0, first] * 1.001])
        )
    assert (found == first).all()
    assert other[0] != first or raw[0].sum() < 1  # beyond it lies another title, or a rejection


def test_only_nodes_that_draws_pass_are_run(scorer: Scorer, prompts: list[EncodedCareer]) -> None:
    expansion, first = expansion_after(scorer, prompts), len(scorer.trie.title_edges)
    title = int(scorer.trie.title_row.argmin())  # of fewest tokens
    with torch.inference_mode():
        column = draw_titles(expansion, np.array([1]), np.array([title]), np.zeros(1))
    assert column.tolist() == [title]
    assert first == len(scorer.model.encoder.taxonomy)
    assert expansion.ran[[0, 2], 1:].sum() == 0
    path = scorer.trie.edge_row[scorer.trie.title_edges[title][scorer.trie.title_edges[title] < scorer.trie.edges]]
    assert set(np.flatnonzero(expansion.ran[1])) >= set(path.tolist())
    assert expansion.ran[1].sum() < scorer.trie.nodes


@given(st.integers(1, 6), st.integers(0, 8), st.integers(0, 10_000))
def test_inversion_by_its_definition(width: int, first: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    lengths = generator.dirichlet(np.ones(width + 1))[:width]  # the rest is beyond all of them
    number = float(generator.random())
    order = [first, *(at for at in range(width) if at != first)] if first < width else list(range(width))
    low = 0.0
    for interval in [*order, width]:
        length = lengths[interval] if interval < width else 1 - lengths.sum()
        if number < low + length or interval == width:
            break
        low += length
    place, within = invert(lengths[None], np.array([first]), np.array([number]))
    assert place[0] == interval
    assert within[0] == pytest.approx((number - low) / length, abs=1e-9)
