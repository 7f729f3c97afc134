"""Fits the weights of the voices, and the confidence, on titles of O*NET held out part by part."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits as _logistic_loss

from benchmarks.titles.classifier import fit_classifier
from benchmarks.titles.onet import PARTS, codes_of_onet, listed_of
from laborllm.occupations.coding.accuracy import RightCodes
from laborllm.occupations.coding.coder import ABBREVIATED, CORRECTION, SIMILAR, WITHOUT_CODE, TitleCoder
from laborllm.occupations.coding.listed import ListedTitles
from laborllm.occupations.coding.weights import VOICES, Weights, pooled
from laborllm.occupations.taxonomy import Taxonomy

OVERRULES = {
    "words": 0.125,
    "classifier": 0.125,
    "decided": 9.0,
}  # what was decided by hand stands, whatever others say
LEVELLED = 0.5  # slope of their confidence
SPEAK = {SIMILAR: VOICES[:2], ABBREVIATED: VOICES[:2], "index": VOICES[:3], "modern": VOICES[:4]}


@dataclass(frozen=True)
class HeldOut:
    """Titles that a coder has not seen: their kinds of weights (n,), evidence (n, voices, J), right codes (n, J)."""

    kinds: NDArray[np.str_]
    evidence: NDArray[np.float32]
    right: NDArray[np.bool_]

    def of(self, kind: str) -> "HeldOut":
        """The titles of one kind."""
        chosen = self.kinds == kind
        return HeldOut(self.kinds[chosen], self.evidence[chosen], self.right[chosen])


def held_out_evidence(taxonomy: Taxonomy, listed: ListedTitles, onet: pl.DataFrame) -> HeldOut:
    """What a coder that lacks a part of O*NET's titles says of it, over all parts."""
    parts = []
    for part in range(PARTS):
        out = pl.col("part") == part
        others = replace(listed, onet=listed_of(onet.filter(~out)))
        coder = TitleCoder.learn(taxonomy, others, fit_classifier(taxonomy, others))
        parts.append(_ask(coder, codes_of_onet(onet.filter(out))))
    return HeldOut(*(np.concatenate(arrays) for arrays in zip(*map(_arrays, parts), strict=True)))


def fit_weights(found: HeldOut) -> dict[str, Weights]:
    """The weights of each kind; O*NET's list, which no title of O*NET can judge, counts as the handbooks do."""
    weights = {kind: _fit_voices(found.of(kind), voices) for kind, voices in SPEAK.items()}
    weights["modern"]["onet"] = weights["modern"]["modern"]
    fitted = {kind: _calibrated(found.of(kind), of) for kind, of in weights.items()}
    decided = _levelled(found.of("decided"), OVERRULES)
    return fitted | {"onet": fitted["modern"], "decided": decided}


def _ask(coder: TitleCoder, known_codes: RightCodes) -> HeldOut:
    forms = {title: coder.look_up(title) for title in known_codes}
    asked = [title for title, (_, match) in forms.items() if match not in (*WITHOUT_CODE, CORRECTION)]
    batches = list(coder.evidence([forms[title] for title in asked]))
    right = np.zeros((len(asked), len(coder.taxonomy)), dtype=bool)
    for row, title in enumerate(asked):
        right[row, coder.taxonomy.columns(known_codes[title])] = True
    kinds = np.array([kind for of, _ in batches for kind in of])
    return HeldOut(kinds, np.concatenate([it.astype(np.float32).swapaxes(0, 1) for _, it in batches]), right)


def _fit_voices(found: HeldOut, voices: tuple[str, ...]) -> dict[str, float]:
    """The weights that make the right codes of a title the most probable, together."""
    evidence = torch.from_numpy(found.evidence[:, [VOICES.index(voice) for voice in voices]]).double()
    wrong = torch.from_numpy(~found.right)

    def loss(weights: torch.Tensor) -> torch.Tensor:
        log_prob = torch.einsum("v,nvj->nj", weights, evidence).log_softmax(dim=1)
        return -log_prob.masked_fill(wrong, -torch.inf).logsumexp(dim=1).mean()

    return dict(zip(voices, _minimised(loss, [0.5] * len(voices)), strict=True))


def _calibrated(found: HeldOut, voices: dict[str, float]) -> Weights:
    """Logistic regression of being right on log(p) and -log(1 - p), p of the most probable code.

    A slope below 0 would make the more probable less sure: it is 0, and the rest is fitted again (Kull et al. 2017).
    """
    log_p, log_q, hit = _first(found, voices)
    features = torch.stack([log_p, -log_q, torch.ones_like(hit)], dim=1)

    def fit(used: list[int]) -> list[float]:
        fitted = _minimised(lambda abc: _logistic_loss(features[:, used] @ abc, hit), [1.0] * len(used))
        return [fitted[used.index(at)] if at in used else 0.0 for at in range(3)]

    a, b, c = fit([0, 1, 2])
    return Weights(voices, *((a, b, c) if min(a, b) >= 0 else fit([int(a < b), 2])))


def _levelled(found: HeldOut, voices: dict[str, float]) -> Weights:
    """The share right alone is fitted: of titles as few and as sure as these, no more than that can be."""
    log_p, log_q, hit = _first(found, voices)
    (c,) = _minimised(lambda c: _logistic_loss(LEVELLED * (log_p - log_q) + c, hit), [0.0])
    return Weights(voices, LEVELLED, LEVELLED, c)


def _first(found: HeldOut, voices: dict[str, float]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the most probable code: log(p), log(1 - p), and whether it is right; (n,) each."""
    log_prob = pooled(found.evidence.swapaxes(0, 1).astype(float), [Weights(voices)] * len(found.kinds))
    first = log_prob.argmax(axis=1)
    best = np.clip(np.exp(log_prob.max(axis=1)), 1e-9, 1 - 1e-9)
    hit = found.right[np.arange(len(first)), first].astype(float)
    return torch.from_numpy(np.log(best)), torch.from_numpy(np.log1p(-best)), torch.from_numpy(hit)


def _minimised(loss: Callable[[torch.Tensor], torch.Tensor], start: list[float]) -> list[float]:
    parameters = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def step() -> float:
        optimizer.zero_grad()
        found = loss(parameters)
        found.backward()
        return found.item()

    optimizer.step(step)
    return [round(value, 4) for value in parameters.tolist()]


def _arrays(part: HeldOut) -> tuple[NDArray[np.str_], NDArray[np.float32], NDArray[np.bool_]]:
    return part.kinds, part.evidence, part.right
