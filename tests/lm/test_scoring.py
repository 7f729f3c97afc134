"""Exact scoring against brute force: transformers' own attention, one pass per title, softmax in float64."""

import copy
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import transformers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from laborllm.errors import CapacityError, InputError
from laborllm.lm.base.float64 import InFloat64
from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Decoder
from laborllm.lm.forward.loglikelihood import loglikelihood
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels import padding
from laborllm.lm.scoring import scorer as scoring
from laborllm.lm.scoring.naive import title_log_prob
from laborllm.lm.scoring.options import METHODS, Method, ScoringOptions
from laborllm.lm.scoring.pruning import expand
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_scores import RESOLVED, TitleScores, title_scores
from laborllm.lm.scoring.trie import build_trie
from laborllm.lm.scoring.trie_expansion import TrieExpansion
from laborllm.lm.tokens.closed_vocabulary import tokens_in_use
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tokens.packing import packed
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.text import Template, render
from lm.architectures import ARCHITECTURES, GROUPED

TOLERANCE = 1e-4  # nats in float32, on log-probabilities of about -50


@pytest.fixture(scope="module")
def encoder(panel: Panel, tokenizer: hf.PreTrainedTokenizerFast) -> CareerEncoder:
    return CareerEncoder(tokenizer, Template(), panel.taxonomy)


@pytest.fixture(scope="module")
def careers(panel: Panel, encoder: CareerEncoder) -> list[EncodedCareer]:
    return list(encoder.encode(render(panel, Template())))[:6]


@torch.inference_mode()
def brute_force(model: hf.PreTrainedModel, encoder: CareerEncoder, career: EncodedCareer) -> NDArray[np.float64]:
    """(T, J) log-probabilities by the model as transformers runs it."""
    table = []
    for start in career.starts:
        prompt = career.tokens[:start]
        for title in encoder.title_tokens:
            logits = model(torch.tensor([prompt + title])).logits[0, len(prompt) - 1 : -1]
            table.append(logits.double().log_softmax(-1)[range(len(title)), title].sum().item())
    return np.array(table).reshape(len(career.starts), -1)


@pytest.mark.parametrize("padded", [set(), {"cpu"}], ids=["one by one", "padded"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tree_naive_and_loglikelihood_equal_brute_force(
    architecture: str,
    padded: set[str],
    encoder: CareerEncoder,
    careers: list[EncodedCareer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(padding, "PADDED_DEVICES", padded)
    torch.manual_seed(1)
    model = ARCHITECTURES[architecture](len(encoder.tokenizer)).eval()
    expected = [brute_force(copy.deepcopy(model), encoder, career) for career in careers]
    scorer = Scorer(TextModel(BaseModel(architecture, model, encoder.tokenizer), encoder))
    tree, naive = list(scorer.score(careers)), list(scorer.score(careers[:2], ScoringOptions("naive")))
    for scores, exact in zip(tree, expected, strict=True):
        np.testing.assert_allclose(scores.log_prob, exact, rtol=1e-5, atol=1e-5)
        assert np.logaddexp.reduce(scores.log_prob, axis=1).max() < 1e-6  # the raw mass is at most one
    for scores, exact in zip(naive, expected, strict=False):
        np.testing.assert_allclose(scores.log_prob, exact, atol=TOLERANCE)
    for scores, slow in zip(tree, naive, strict=False):
        np.testing.assert_array_equal(scores.greedy_valid, slow.greedy_valid)
    known = {tokens: column for column, tokens in enumerate(encoder.title_tokens)}
    for career, exact, log_prob in zip(careers, expected, loglikelihood(scorer.model, careers), strict=True):
        observed = [known[career.tokens[s:e]] for s, e in zip(career.starts, career.ends, strict=True)]
        np.testing.assert_allclose(log_prob, exact[range(len(observed)), observed], atol=TOLERANCE)


def test_a_closed_vocabulary_is_a_softmax_over_its_tokens(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    kept = tokens_in_use(encoder, careers[:1])
    assert len(kept) < len(encoder.tokenizer)
    (career,) = careers[:1]
    columns = {token: column for column, token in enumerate(kept)}
    with torch.inference_mode():
        logits = copy.deepcopy(base.model)(torch.tensor([career.tokens])).logits[0, :, list(kept)]
    log_prob = logits.double().log_softmax(-1)
    observed = [
        sum(log_prob[place - 1, columns[career.tokens[place]]].item() for place in range(start, end))
        for start, end in zip(career.starts, career.ends, strict=True)
    ]
    scorer = Scorer(TextModel(base, encoder, vocabulary=kept))
    (log_prob,) = loglikelihood(scorer.model, [career])
    np.testing.assert_allclose(log_prob, observed, atol=TOLERANCE)
    (tree,), (naive,) = scorer.score([career]), scorer.score([career], ScoringOptions("naive"))
    np.testing.assert_allclose(tree.log_prob, naive.log_prob, atol=TOLERANCE)
    np.testing.assert_array_equal(tree.greedy_valid, naive.greedy_valid)
    strange = next(token for token in range(len(encoder.tokenizer)) if token not in kept)
    with pytest.raises(InputError, match="outside the closed vocabulary"):
        scorer.model.decoder.columns(torch.tensor([kept[0], strange]))


def test_greedy_validity_follows_the_model(
    base: BaseModel, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    """A model made to answer one title is valid; the same, made to answer nonsense, is not."""
    for title, valid in ((encoder.title_tokens[0], True), (encoder.title_tokens[0][:1] * 3, False)):
        scorer = Scorer(TextModel(BaseModel("forced", _always(base.model, careers[0], title), base.tokenizer), encoder))
        for options in (ScoringOptions("tree"), ScoringOptions("naive")):
            (scores,) = scorer.score(careers[:1], options)
            assert scores.greedy_valid[0] == valid


def test_soft_capped_attention_is_refused(encoder: CareerEncoder) -> None:
    model = hf.Gemma2ForCausalLM(hf.Gemma2Config(vocab_size=len(encoder.tokenizer), head_dim=8, **GROUPED)).eval()
    with pytest.raises(InputError, match="gemma2 models cannot be scored exactly"):
        TextModel(BaseModel("gemma2", model, encoder.tokenizer), encoder)


def test_a_changed_head_is_refused(encoder: CareerEncoder) -> None:
    config = hf.CohereConfig(vocab_size=len(encoder.tokenizer), logit_scale=0.5, **GROUPED)
    with pytest.raises(InputError, match="hidden states times the output embedding differ"):
        Scorer(TextModel(BaseModel("cohere", hf.CohereForCausalLM(config).eval(), encoder.tokenizer), encoder))


def test_a_career_longer_than_the_window_is_refused(encoder: CareerEncoder, careers: list[EncodedCareer]) -> None:
    config = hf.MistralConfig(vocab_size=len(encoder.tokenizer), sliding_window=16, **GROUPED)
    scorer = Scorer(TextModel(BaseModel("short", hf.MistralForCausalLM(config).eval(), encoder.tokenizer), encoder))
    with pytest.raises(CapacityError, match="longer than the 16 tokens that mistral reads"):
        list(scorer.score(careers[:1]))


def test_packs_keep_order_and_limit() -> None:
    texts = [EncodedCareer(str(at), (0,) * length, (), ()) for at, length in enumerate([5, 5, 3, 20, 1, 1, 9])]
    found = list(packed(texts, 10))
    assert [text for pack in found for text in pack] == texts
    assert all(len(pack) == 1 or sum(len(text.tokens) for text in pack) <= 10 for pack in found)


def _always(model: hf.PreTrainedModel, career: EncodedCareer, title: tuple[int, ...]) -> hf.PreTrainedModel:
    """The model with an output that depends only on the last token: the chain prompt -> title[0] -> title[1] ..."""
    forced = copy.deepcopy(model)
    forced.model.layers = torch.nn.ModuleList()
    forced.config.num_hidden_layers = 0
    follows = dict(zip((career.tokens[career.starts[0] - 1], *title[:-1]), title, strict=True))
    vocabulary, width = forced.lm_head.weight.shape
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(vocabulary, width, generator=generator), dim=-1)
    with torch.no_grad():
        forced.model.embed_tokens.weight.copy_(directions)
        forced.lm_head.weight.zero_()
        for token, successor in follows.items():
            forced.lm_head.weight[successor] += directions[token]
    return forced


TITLE = st.from_regex(r"[abé漢]{1,3}( [abé]{1,2}){0,2}", fullmatch=True)


@settings(max_examples=12, deadline=None)
@given(
    titles=st.lists(TITLE, min_size=2, max_size=30, unique_by=str.lower),
    architecture=st.sampled_from(sorted(ARCHITECTURES)),
    padded=st.sampled_from((set(), {"cpu"})),
    tolerance=st.sampled_from((0.0, 1e-3, 0.05, 0.5)),
    seed=st.integers(0, 3),
)
def test_methods_agree_in_float64_over_any_taxonomy(
    tokenizer: hf.PreTrainedTokenizerFast,
    titles: list[str],
    architecture: str,
    padded: set[str],
    tolerance: float,
    seed: int,
) -> None:
    """Titles that begin with each other, of one token, of other alphabets; random models of every architecture."""
    taxonomy = Taxonomy.from_occupations("drawn", [(str(code), title, "All") for code, title in enumerate(titles)])
    encoder = CareerEncoder(tokenizer, Template(), taxonomy)
    careers = list(encoder.encode(render(_walks(taxonomy), Template())))
    torch.manual_seed(seed)
    model = ARCHITECTURES[architecture](len(tokenizer)).eval().double()
    scorer = Scorer(TextModel(BaseModel(architecture, model, tokenizer), encoder))
    methods = [ScoringOptions(method, tolerance, memory=1e-4) for method in METHODS]
    with InFloat64(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(padding, "PADDED_DEVICES", padded)
        scored = [list(scorer.score(careers, options)) for options in methods]
    for tree, pruned, naive in zip(*scored, strict=True):
        np.testing.assert_allclose(tree.log_prob, naive.log_prob, atol=1e-10)
        np.testing.assert_array_equal(tree.greedy_valid, naive.greedy_valid)
        np.testing.assert_array_equal(pruned.greedy_valid, naive.greedy_valid)
        assert np.exp(naive.log_prob).sum(axis=1).max() <= 1 + 1e-9
        _require_true_bounds(pruned, naive, tolerance)


def test_two_thousand_titles(tokenizer: hf.PreTrainedTokenizerFast) -> None:
    """In float32 to a relative 1e-5 of naive in float64, on every fortieth title; the raw mass is at most one."""
    titles = [f"{rank} {trade}" for trade in ("bé", "cook", "cook of 漢", "c") for rank in range(500)]
    taxonomy = Taxonomy.from_occupations("many", [(str(code), title, "All") for code, title in enumerate(titles)])
    encoder = CareerEncoder(tokenizer, Template(), taxonomy)
    (career, _) = encoder.encode(render(_walks(taxonomy), Template()))
    torch.manual_seed(0)
    model = ARCHITECTURES["llama"](len(tokenizer)).eval()
    (tree,) = Scorer(TextModel(BaseModel("llama", model, tokenizer), encoder)).score([career])
    assert np.exp(tree.log_prob).sum(axis=1).max() <= 1 + 1e-6
    oracle = TextModel(BaseModel("llama", copy.deepcopy(model).double(), tokenizer), encoder)
    some = range(0, len(titles), 40)
    with InFloat64():
        exact = [
            [title_log_prob(oracle, career.tokens[:start], encoder.title_tokens[j]) for j in some]
            for start in career.starts
        ]
    np.testing.assert_allclose(tree.log_prob[:, some], exact, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["mistral", "gemma3"])
def test_a_sliding_window_is_right_as_long_as_it_holds_all(
    architecture: str, encoder: CareerEncoder, careers: list[EncodedCareer]
) -> None:
    """A window of the tokens of the longest prompt and title changes nothing; one token less is refused."""
    career = careers[2]
    needed = len(career.tokens) + max(map(len, encoder.title_tokens))
    torch.manual_seed(2)
    model = ARCHITECTURES[architecture](len(encoder.tokenizer)).eval()
    model.config.sliding_window = needed
    expected = brute_force(copy.deepcopy(model), encoder, career)
    (tree,) = Scorer(TextModel(BaseModel(architecture, model, encoder.tokenizer), encoder)).score([career])
    np.testing.assert_allclose(tree.log_prob, expected, rtol=1e-5, atol=1e-5)
    model.config.sliding_window = needed - 1
    message = f"longer than the {needed - 1} tokens that {model.config.model_type} reads"
    with pytest.raises(CapacityError, match=message):
        list(Scorer(TextModel(BaseModel(architecture, model, encoder.tokenizer), encoder)).score([career]))


def _require_true_bounds(pruned: TitleScores, unpruned: TitleScores, tolerance: float) -> None:
    resolved = pruned.branch == RESOLVED
    np.testing.assert_allclose(pruned.log_prob[resolved], unpruned.log_prob[resolved], atol=1e-10)
    assert (unpruned.log_prob <= pruned.highest + 1e-10).all()
    exact, estimate = (np.exp(scores.log_prob) for scores in (unpruned, pruned))
    assert (np.abs(exact.sum(1) - estimate.sum(1)) <= pruned.unresolved_mass + 1e-12).all()
    exact, estimate = (mass / mass.sum(axis=1, keepdims=True) for mass in (exact, estimate))
    distance = 0.5 * np.abs(exact - estimate).sum(axis=1)
    assert (distance <= pruned.error_bound + 1e-12).all()
    off = np.abs(np.log(exact[resolved]) - np.log(estimate[resolved]))
    record = resolved.nonzero()[0]
    assert (off <= -np.log1p(-np.minimum(pruned.error_bound, 1 - 1e-12))[record] + 1e-10).all()
    assert (pruned.error_bound <= tolerance + 1e-9).all()


@pytest.mark.parametrize("method", ["tree", "pruned"])
def test_first_records_that_are_alike_are_scored_once(
    method: Method, base: BaseModel, encoder: CareerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers of whom the same is known at first, in one call, and one after the other: what the second begins with
    is not run again, and differs by rounding only. Nor is a trie that fills no pass run for one record."""
    careers, options = list(encoder.encode(render(_walks(encoder.taxonomy), encoder.template))), ScoringOptions(method)
    started: list[int] = []

    class Counted(TrieExpansion):
        def __init__(self, *given: Any) -> None:
            started.append(len(given[-1]))
            super().__init__(*given)

    monkeypatch.setattr(scoring, "TrieExpansion", Counted)
    monkeypatch.setattr(scoring, "FORWARD_TOKENS", {"cpu": 1})  # one career a pass

    def scored(calls: list[list[EncodedCareer]], *, remember: bool = False, nodes: int = 1) -> tuple[NDArray[Any], int]:
        monkeypatch.setattr(scoring, "TRIE_NODES", {"cpu": nodes})
        scorer = Scorer(TextModel(base, encoder))
        started.clear()
        scores = [scores for call in calls for scores in scorer.score(call, options, remember=remember)]
        return np.concatenate([each.log_prob for each in scores]), sum(started)

    together, apart = [careers], [[career] for career in careers]
    expected, records = scored(apart)
    assert records == 6
    for found, records in (scored(apart, remember=True), scored(together, remember=True), scored(together)):
        assert records == 5
        np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    assert scored(apart, remember=True, nodes=10**6)[1] == 6


def _walks(taxonomy: Taxonomy) -> Panel:
    """Two careers through the taxonomy, the first record of each alike."""
    rows = [
        {"worker": f"w{worker}", "year": 1990 + step, "occupation": taxonomy.codes[(worker + step) % len(taxonomy)]}
        for worker in range(2)
        for step in range(3)
    ]
    return Panel(pl.DataFrame(rows).with_columns(split=pl.lit("test")), taxonomy, "DRAWN", Provenance("drawn"))


def test_pruning_runs_as_few_nodes_as_one_branch_at_a_time(
    encoder: CareerEncoder, careers: list[EncodedCareer], base: BaseModel
) -> None:
    """Than a search that runs, one at a time, the branch that resolves most mass for its nodes."""
    decoder, trie = (
        Decoder(base.model),
        build_trie(encoder.title_tokens, encoder.template.title_texts(encoder.taxonomy)),
    )
    share = trie.titles_below[1:] / (1 + trie.titles_below[1:])
    with torch.inference_mode():
        hidden, prefix = decoder.forward_packed(careers[:1], keep_kv=True)
        for tolerance in (0.5, 0.05, 1e-3):
            together, singly = (
                TrieExpansion(decoder, trie, hidden[[careers[0].starts[0] - 1]], prefix, [(0, careers[0].starts[0])])
                for _ in range(2)
            )
            expand(together, tolerance)
            while title_scores(singly).error_bound[0] > tolerance:
                best = int((singly.open_mass * share / trie.rows_left[1:]).argmax())
                chain = trie.chains[best][trie.chains[best] >= 0]
                singly.run(np.zeros_like(chain), chain)
            assert not (singly.ran & ~together.ran).any()
            beyond = int((together.ran & ~singly.ran).sum())
            assert beyond <= trie.depth.max()  # the branch of the most probable continuation
