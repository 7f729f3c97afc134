"""The titles whose codes are known, as the package ships them."""

import csv
from dataclasses import dataclass

import polars as pl

from laborllm.occupations.crosswalk import DATA


@dataclass(frozen=True)
class ListedTitles:
    """Titles and the occ1990dd codes they have.

    index: title (in the form of `words`), code, and lines, how many lines of the index say so. A title may have several
    codes: the index tells them apart by industry, which a title does not say.
    later: title -> code of jobs that the index is too old to know, or that mean something else by now.
    """

    index: pl.DataFrame
    later: dict[str, str]


def load_titles() -> ListedTitles:
    """The titles of the Census Bureau's index and lists, and the later ones; `data/titles.json` says where from."""
    content = (DATA / "titles_occ1990dd.csv.gz").read_bytes()
    index = pl.read_csv(content, schema={"title": pl.String, "code": pl.String, "lines": pl.Int64})
    later = csv.DictReader((DATA / "titles_since_1990.csv").read_text("utf-8").splitlines())
    return ListedTitles(index, {row["title"]: row["code"] for row in later})
