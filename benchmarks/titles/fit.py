"""Fits what the coder of titles ships next to its lists, and writes it where the package reads it."""

import gzip
from dataclasses import asdict, replace
from json import dumps
from pathlib import Path

import numpy as np
import polars as pl
import torch

import laborllm.occupations
from benchmarks.titles.calibration import fit_weights, held_out_evidence
from benchmarks.titles.classifier import fit_classifier
from benchmarks.titles.onet import KNOWN, listed_of, read_onet
from laborllm.occupations.coding.listed import load_titles
from laborllm.occupations.coding.weights import Weights
from laborllm.occupations.taxonomy import load_taxonomy

DATA = Path(laborllm.occupations.__file__).parent / "data"


def fit_coder() -> dict[str, Weights]:
    """List the known titles of O*NET, fit the classifier and the weights, and write all three.

    Returns: the weights, by how a title is found.
    """
    torch.set_num_threads(1)
    onet = read_onet()
    known = listed_of(onet.filter(pl.col("draw") < KNOWN))
    (DATA / "titles_onet.csv.gz").write_bytes(gzip.compress(known.write_csv().encode(), mtime=0))
    taxonomy = load_taxonomy("occ1990dd")
    listed = replace(load_titles(), onet=known).with_taxonomy(taxonomy)
    classifier = fit_classifier(taxonomy, listed)
    halves = {name: getattr(classifier, name).astype(np.float16) for name in ("slopes", "intercepts")}
    np.savez_compressed(DATA / "titles_classifier.npz", vectors=classifier.vectors, **halves)
    weights = fit_weights(held_out_evidence(taxonomy, listed, onet))
    text = dumps({kind: asdict(of) for kind, of in weights.items()}, indent=2)
    (DATA / "titles_weights.json").write_text(f"{text}\n", "utf-8")
    return weights
