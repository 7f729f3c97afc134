"""Accuracy of the coder of job titles on titles that it has not seen, next to what it says of itself."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from benchmarks.titles.classifier import fit_classifier
from benchmarks.titles.onet import KNOWN, codes_of_onet, read_onet, uniform
from benchmarks.titles.slips import mistyped
from laborllm.errors import SourceError
from laborllm.occupations.coding import Accuracy, TitleCoder, load_coder, measure_accuracy
from laborllm.occupations.coding.accuracy import RightCodes, right_codes, unlisted
from laborllm.occupations.coding.listed import load_titles
from laborllm.occupations.taxonomy import load_taxonomy

HELD_OUT = 0.2


def measure_coding(titles: Path | None, *, seed: int = 0) -> dict[str, Accuracy]:
    """Accuracy by what was asked: all and the unlisted titles of O*NET's other half, long and short, and of the file,
    mistyped titles of the handbooks, and held out ones.

    Args:
        titles: CSV file with the columns title and code (occ1990dd); a title may have several rows.
        seed: draws the titles held out of the index and of the handbooks, and the slips.
    """
    asked = {} if titles is None else {titles.name: _read_titles(titles)}
    onet = read_onet()
    asked["O*NET's other half"] = codes_of_onet(onet, low=KNOWN, high=1)
    asked["short titles of O*NET's other half"] = codes_of_onet(onet, low=KNOWN, high=1, short=True)
    coder, found = load_coder(), {}
    for name, known_codes in asked.items():
        found[f"{name}, all"] = measure_accuracy(coder, known_codes)
        found[f"{name}, unlisted"] = measure_accuracy(coder, unlisted(coder, known_codes))
    for kind, titles_with_slips in mistyped(right_codes(load_titles().modern), seed=seed).items():
        found[f"mistyped titles of {kind}"] = measure_accuracy(coder, titles_with_slips)
    return found | {f"held out of the {name}": it for name, it in held_out_accuracy(seed=seed).items()}


def held_out_accuracy(*, seed: int = 0) -> dict[str, Accuracy]:
    """Hold out a fifth of the index and of the handbooks, fit all but the weights on the rest, and ask for the fifth.

    Titles of the same words, in whatever order and however joined, are on one side of the split, and only titles that
    no list has are asked.

    Returns: the accuracy on the titles of the `index` and on those of the `handbooks`.
    """
    taxonomy, listed = load_taxonomy("occ1990dd"), load_titles()
    # seed + 1: O*NET's halves are drawn with seed 0, and a fifth drawn alike would be in one half alone
    index, modern = (
        titles.with_columns(
            out=titles["title"].map_elements(lambda title: uniform(title, seed + 1) < HELD_OUT, return_dtype=pl.Boolean)
        )
        for titles in (listed.index, listed.modern)
    )
    kept = [titles.filter(~pl.col("out")).drop("out") for titles in (index, modern)]
    others = replace(listed, index=kept[0], modern=kept[1]).with_taxonomy(taxonomy)
    coder = TitleCoder.learn(taxonomy, others, fit_classifier(taxonomy, others, seed=seed))
    held = {"index": index.filter("out"), "handbooks": modern.filter("out")}
    return {name: measure_accuracy(coder, unlisted(coder, right_codes(titles))) for name, titles in held.items()}


def _read_titles(path: Path) -> RightCodes:
    columns = ["title", "code"]
    try:
        return right_codes(pl.read_csv(path, infer_schema_length=0, columns=columns))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{path}: no columns {' and '.join(columns)}: {error}") from error
