"""The titles whose codes are known, as the package ships them."""

import csv
from dataclasses import dataclass

import polars as pl

from laborllm.occupations.crosswalk import DATA
from laborllm.occupations.taxonomy import Taxonomy


@dataclass(frozen=True)
class ListedTitles:
    """Titles and the occ1990dd codes they have, in three lists that are trusted more and more.

    index: the census index of 1990: title (in the form of `words`), code, and lines, how many of its lines say so. A
    title may have several codes: the index tells them apart by industry, which a title does not say.
    modern: titles of today's handbooks: title (in the form of `words`) and code.
    decided: title and code of jobs that the other lists do not know or take for something else. A title may have
    several codes there, too.
    """

    index: pl.DataFrame
    modern: pl.DataFrame
    decided: tuple[tuple[str, str], ...]

    def with_taxonomy(self, taxonomy: Taxonomy) -> "ListedTitles":
        """A copy of the lists with the taxonomy's own titles among the decided ones."""
        own = zip(taxonomy.titles, taxonomy.codes, strict=True)
        return ListedTitles(self.index, self.modern, (*self.decided, *own))


def load_titles() -> ListedTitles:
    """The titles of the Census Bureau, of today's handbooks, and the decided ones; `data/titles.json` gives sources."""
    index = pl.read_csv(
        (DATA / "titles_occ1990dd.csv.gz").read_bytes(),
        schema={"title": pl.String, "code": pl.String, "lines": pl.Int64},
    )
    modern = pl.read_csv((DATA / "titles_handbook.csv").read_bytes(), schema={"title": pl.String, "code": pl.String})
    decided = csv.DictReader((DATA / "titles_since_1990.csv").read_text("utf-8").splitlines())
    return ListedTitles(index, modern, tuple((row["title"], row["code"]) for row in decided))
