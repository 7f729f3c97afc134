"""The titles whose codes are known, as the package ships them."""

import csv
from dataclasses import dataclass, replace

import polars as pl

from laborllm.occupations.coding.ranker import Words
from laborllm.occupations.coding.words import words
from laborllm.occupations.crosswalk import DATA
from laborllm.occupations.taxonomy import Taxonomy


@dataclass(frozen=True)
class ListedTitles:
    """Titles and the occ1990dd codes they have, in four lists.

    Attributes:
        index: The census index of 1990: title (in the form of `words`), code, and lines, how many of its lines say so.
            A title may have several codes: the index tells them apart by industry, which a title does not say.
        modern: Titles of today's handbooks: title (in the form of `words`) and code.
        onet: O*NET's alternate titles: title (in the form of `words`) and code. A title may have several codes.
        decided: Title and code of jobs that the other lists do not know or take for something else. A title may have
            several codes there, too.
    """

    index: pl.DataFrame
    modern: pl.DataFrame
    onet: pl.DataFrame
    decided: tuple[tuple[str, str], ...]

    def with_taxonomy(self, taxonomy: Taxonomy) -> "ListedTitles":
        """A copy of the lists with the taxonomy's own titles among the decided ones."""
        own = zip(taxonomy.titles, taxonomy.codes, strict=True)
        return replace(self, decided=(*self.decided, *own))

    def examples(self) -> list[tuple[str, Words, str, int]]:
        """All rows of all lists: name of the list, words of the title, code, lines that say so."""
        return [
            *(("index", tuple(title.split()), code, lines) for title, code, lines in self.index.rows()),
            *(("modern", tuple(title.split()), code, 1) for title, code in self.modern.rows()),
            *(("onet", tuple(title.split()), code, 1) for title, code in self.onet.rows()),
            *(("decided", words(title), code, 1) for title, code in self.decided),
        ]


def load_titles() -> ListedTitles:
    """The titles of the Census Bureau, of handbooks and of O*NET, and the decided; `data/titles.json` gives sources."""
    index = pl.read_csv(
        (DATA / "titles_occ1990dd.csv.zst").read_bytes(),
        schema={"title": pl.String, "code": pl.String, "lines": pl.Int64},
    )
    modern, onet = (
        pl.read_csv((DATA / name).read_bytes(), schema={"title": pl.String, "code": pl.String})
        for name in ("titles_handbook.csv", "titles_onet.csv.zst")
    )
    decided = csv.DictReader((DATA / "titles_since_1990.csv").read_text("utf-8").splitlines())
    return ListedTitles(index, modern, onet, tuple((row["title"], row["code"]) for row in decided))
