"""What the coder of job titles says of titles that it has not seen."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from benchmarks.titles.classifier import fit_classifier
from benchmarks.titles.fit import fitted_coder
from benchmarks.titles.onet import FOLDS, codes_of_onet, read_onet, uniform
from benchmarks.titles.slips import mistyped
from laborllm.errors import SourceError
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.occupations.coding.accuracy import RightCodes, answers, right_codes, unlisted
from laborllm.occupations.coding.coder import ABBREVIATED
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.taxonomy import Taxonomy, load_taxonomy

HELD_OUT = 0.2


def measure_coding(titles: Path | None, *, seed: int = 0) -> dict[str, pl.DataFrame]:
    """Answers by what was asked: all and the unlisted titles of O*NET, long, short and abbreviated, and of the file,
    mistyped titles of the handbooks, and held out ones.

    Args:
        titles: CSV file with the columns title and code (occ1990dd); a title may have several rows.
        seed: draws the titles held out of the index and of the handbooks, and the slips.
    """
    coder, taxonomy, listed = load_coder(), load_taxonomy("occ1990dd"), load_titles()
    asked = {} if titles is None else {titles.name: answers(coder, _read_titles(titles))}
    asked |= cross_fitted_answers(taxonomy, listed.with_taxonomy(taxonomy), read_onet())
    found: dict[str, pl.DataFrame] = {}
    for name, answered in asked.items():
        found |= {f"{name}, all": answered, f"{name}, unlisted": unlisted(answered)}
    abbreviated = found["titles of O*NET, unlisted"].filter(match=ABBREVIATED)
    found["titles of O*NET, unlisted and abbreviated"] = abbreviated
    for kind, titles_with_slips in mistyped(right_codes(listed.modern), seed=seed).items():
        found[f"mistyped titles of {kind}"] = answers(coder, titles_with_slips)
    return found | {f"held out of the {name}": it for name, it in held_out_answers(seed=seed).items()}


def cross_fitted_answers(taxonomy: Taxonomy, listed: ListedTitles, onet: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Ask for each fold of O*NET's titles a coder of which nothing was fitted on it: no list, voice, weight or map.

    Returns: the answers on all `titles of O*NET` as written, and on its `short titles`, of all folds together.
    """
    long, short = [], []
    for fold in range(FOLDS):
        out = pl.col("fold") == fold
        coder = fitted_coder(taxonomy, listed, onet.filter(~out))
        long.append(answers(coder, codes_of_onet(onet.filter(out))))
        short.append(answers(coder, codes_of_onet(onet.filter(out), short=True)))
    return {"titles of O*NET": pl.concat(long), "short titles of O*NET": pl.concat(short)}


def held_out_answers(*, seed: int = 0) -> dict[str, pl.DataFrame]:
    """Hold out a fifth of the index and of the handbooks, fit all but the weights on the rest, and ask for the fifth.

    Titles of the same words, in whatever order and however joined, are on one side of the split, and only titles that
    no list has are asked.

    Returns: the answers on the titles of the `index` and on those of the `handbooks`.
    """
    taxonomy, listed = load_taxonomy("occ1990dd"), load_titles()
    # seed + 1: O*NET's folds are drawn with seed 0, and a fifth drawn alike would be one of them
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
    return {name: unlisted(answers(coder, right_codes(titles))) for name, titles in held.items()}


def _read_titles(path: Path) -> RightCodes:
    columns = ["title", "code"]
    try:
        return right_codes(pl.read_csv(path, infer_schema_length=0, columns=columns))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{path}: no columns {' and '.join(columns)}: {error}") from error
