"""Accuracy of the coder of job titles on titles held out and on titles of others, next to what it says of itself."""

from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations.coding import Accuracy, held_out_accuracy, load_coder, measure_accuracy
from laborllm.occupations.coding.accuracy import RightCodes, right_codes, unlisted

SOC_TABLE = Path(__file__).parent / "soc2018_occ1990dd.csv"
SOC_CODE, TITLE = "O*NET-SOC Code", "Alternate Title"


def measure_coding(titles: Path, alternate_titles: Path | None, *, seed: int = 0) -> dict[str, Accuracy]:
    """Accuracy by what was asked: titles held out of each list, and those of each file, all and the unlisted ones.

    Args:
        titles: CSV file with the columns title and code (occ1990dd); a title may have several rows.
        alternate_titles: tab-separated file of the O*NET database, led to occ1990dd by `soc_codes`.
        seed: draws the titles held out.
    """
    found = {f"held out of the {name}": accuracy for name, accuracy in held_out_accuracy(seed=seed).items()}
    coder = load_coder()
    asked = {titles: _read_titles(titles)}
    if alternate_titles is not None:
        asked[alternate_titles] = _read_alternate_titles(alternate_titles)
    for path, known in asked.items():
        found[f"{path.name}, all"] = measure_accuracy(coder, known)
        found[f"{path.name}, unlisted"] = measure_accuracy(coder, unlisted(coder, known))
    return found


def soc_codes() -> dict[str, str]:
    """SOC 2018 code -> occ1990dd: the target in `census2018` of its Census 2018 code; the target in the O*NET table
    that goes with Webb (2020) where that code stands for several."""
    return dict(pl.read_csv(SOC_TABLE, infer_schema_length=0).rows())


def _read_titles(path: Path) -> RightCodes:
    return right_codes(_read(path, ",", ["title", "code"]))


def _read_alternate_titles(path: Path) -> RightCodes:
    frame = _read(path, "\t", [SOC_CODE, TITLE])
    codes = soc_codes()
    code = pl.col(SOC_CODE).str.slice(0, 7).replace_strict(codes, default=None)
    return right_codes(frame.select(pl.col(TITLE).alias("title"), code.alias("code")).drop_nulls().unique())


def _read(path: Path, separator: str, columns: list[str]) -> pl.DataFrame:
    try:
        return pl.read_csv(
            path,
            separator=separator,
            quote_char='"' if separator == "," else None,
            infer_schema_length=0,
            columns=columns,
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{path}: no columns {' and '.join(columns)}: {error}") from error
