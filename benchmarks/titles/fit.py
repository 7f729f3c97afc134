"""Fits the coder of titles on O*NET's, and writes what the package ships of it where the package reads it."""

from dataclasses import asdict, replace
from json import dumps
from pathlib import Path

import numpy as np
import polars as pl
import torch

import laborllm.occupations
from benchmarks.titles.calibration import fit_weights, held_out_evidence
from benchmarks.titles.classifier import fit_classifier
from benchmarks.titles.onet import listed_of, read_onet
from laborllm.occupations.coding.classifier import Classifier
from laborllm.occupations.coding.coder import TitleCoder
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.coding.weights import Weights
from laborllm.occupations.taxonomy import Taxonomy, load_taxonomy

DATA = Path(laborllm.occupations.__file__).parent / "data"


def fit_coder() -> dict[str, Weights]:
    """List the titles of O*NET, fit the classifier and the weights, and write all three.

    Returns: the weights, by how a title is found.
    """
    onet, taxonomy = read_onet(), load_taxonomy("occ1990dd")
    listed_of(onet).write_csv(DATA / "titles_onet.csv.zst", compression="zstd", compression_level=22)
    classifier, weights = fit(taxonomy, load_titles().with_taxonomy(taxonomy), onet)
    halves = {name: getattr(classifier, name).astype(np.float16) for name in ("slopes", "intercepts")}
    np.savez_compressed(DATA / "titles_classifier.npz", vectors=classifier.vectors, **halves)
    text = dumps({kind: asdict(of) for kind, of in weights.items()}, indent=2)
    (DATA / "titles_weights.json").write_text(f"{text}\n", "utf-8")
    return weights


def fitted_coder(taxonomy: Taxonomy, listed: ListedTitles, onet: pl.DataFrame) -> TitleCoder:
    """The coder that is fitted on these titles of O*NET and on the other lists, as the one that ships is on all."""
    classifier, weights = fit(taxonomy, listed, onet)
    return replace(TitleCoder.learn(taxonomy, _with(listed, onet), classifier), weights=weights)


def fit(taxonomy: Taxonomy, listed: ListedTitles, onet: pl.DataFrame) -> tuple[Classifier, dict[str, Weights]]:
    """The classifier, and the weights by how a title is found, of a coder that lists these titles of O*NET."""
    torch.set_num_threads(1)
    classifier = fit_classifier(taxonomy, _with(listed, onet))
    return classifier, fit_weights(held_out_evidence(taxonomy, listed, onet))


def _with(listed: ListedTitles, onet: pl.DataFrame) -> ListedTitles:
    return replace(listed, onet=listed_of(onet))
