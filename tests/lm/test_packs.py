"""Packs, closed vocabularies and options of scoring: for any texts, and for what is out of range."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from laborllm.errors import OptionError
from laborllm.lm.scoring.options import METHODS, WEIGHTS, ScoringOptions
from laborllm.lm.tokens.closed_vocabulary import tokens_in_use
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, by_worker
from laborllm.lm.tokens.packing import TrainingTexts, packed
from laborllm.panel import Panel
from laborllm.text import Template, render


def text_of(worker: int, tokens: int) -> EncodedCareer:
    return EncodedCareer(f"w{worker}", tuple(range(tokens)), (), ())


TEXTS = st.lists(st.integers(1, 30), max_size=12).map(
    lambda sizes: [text_of(worker, size) for worker, size in enumerate(sizes)]
)


@given(TEXTS, st.integers(1, 60))
def test_packs_are_full_and_in_order(texts: list[EncodedCareer], limit: int) -> None:
    packs = list(packed(texts, limit))
    assert [text for pack in packs for text in pack] == texts
    sizes = [[len(text.tokens) for text in pack] for pack in packs]
    assert all(sum(pack) <= limit or len(pack) == 1 for pack in sizes)
    assert all(sum(pack) + following[0] > limit for pack, following in itertools.pairwise(sizes))


@given(TEXTS.filter(bool), st.integers(1, 200), st.data())
def test_halved_passes_hold_the_same_texts(texts: list[EncodedCareer], tokens: int, data: st.DataObject) -> None:
    careers = [texts[at : at + 2] for at in range(0, len(texts), 2)]  # of one or two windows each
    task = TrainingTexts(careers, tokens)
    batch = data.draw(st.lists(st.integers(0, len(careers) - 1), unique=True))
    expected = [text for at in batch for text in careers[at]]
    assert task.lengths == [sum(len(text.tokens) for text in career) for career in careers]
    while True:
        before = task.pack_tokens
        assert [text for each in task.passes(batch) for text in each] == expected
        if not task.halve_passes():
            assert task.pack_tokens == before
            break
        assert task.pack_tokens == before // 2
    assert task.pack_tokens <= min(len(text.tokens) for text in texts)


@given(st.lists(st.sampled_from("aab"), max_size=8))
def test_windows_of_a_worker_stand_together(workers: list[str]) -> None:
    texts = [EncodedCareer(worker, (at,), (), ()) for at, worker in enumerate(workers)]
    found = by_worker(texts)
    assert [text for career in found for text in career] == texts
    assert all(len({text.worker for text in career}) == 1 for career in found)
    assert all(one[0].worker != other[0].worker for one, other in itertools.pairwise(found))


def test_places_of_a_window() -> None:
    window = EncodedCareer("w", tuple(range(20)), (8, 12), (10, 12), ((3, 5),))
    assert window.places == [(3, 5), (8, 10), (12, 12)]
    assert window.observed == [(8, 10)]
    assert window.learnt_from == 5
    assert EncodedCareer("w", (1, 2), (1,), (2,)).learnt_from == 1


def test_tokens_in_use_are_of_titles_and_careers(panel: Panel, tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = CareerEncoder(tokenizer, Template(), panel.taxonomy)
    careers = list(encoder.encode(render(panel, Template())))
    of_titles = {token for title in encoder.title_tokens for token in title}
    assert tokens_in_use(encoder, []) == tuple(sorted(of_titles))
    found = tokens_in_use(encoder, careers[:7])
    assert set(found) == of_titles | {token for career in careers[:7] for token in career.tokens}
    assert list(found) == sorted(set(found))
    assert set(found) < set(range(len(tokenizer)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "guess"}, f"unknown method of scoring 'guess': use {', '.join(METHODS)}"),
        ({"weights": "4-bit"}, f"unknown weights '4-bit': use {', '.join(WEIGHTS)}"),
        ({"tolerance": 1.0}, "tolerance is a total variation from 0 up to 1, not 1.0"),
        ({"tolerance": -0.1}, "tolerance is a total variation from 0 up to 1"),
        ({"tolerance": math.nan}, "tolerance is a total variation from 0 up to 1"),
        ({"max_tv": 1.1}, "max-tv is a total variation from 0 to 1, not 1.1"),
        ({"max_log_ppl_shift": -1.0}, "max-log-ppl-shift is in nats, from zero, not -1.0"),
        ({"max_log_ppl_shift": math.nan}, "max-log-ppl-shift is in nats, from zero"),
        ({"memory": 0.0}, "memory must be above zero, not 0.0"),
        ({"memory": math.nan}, "memory must be above zero"),
    ],
)
def test_options_out_of_range(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ScoringOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"tolerance": 0.0}, {"max_tv": 0.0}, {"max_tv": 1.0}, {"max_log_ppl_shift": 0.0}])
def test_options_at_the_edge_of_their_range(options: dict[str, float]) -> None:
    found = vars(ScoringOptions(**options))  # type: ignore[arg-type]
    assert {name: found[name] for name in options} == options
