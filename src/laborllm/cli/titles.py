"""The verb that codes job titles."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from laborllm.cli.options import AsJson

if TYPE_CHECKING:
    import polars as pl

    from laborllm.occupations import Taxonomy


def code_titles(
    titles: Annotated[list[str], Parameter(help="Job titles; or, with --column, one table file that holds them.")],
    /,
    *,
    column: Annotated[str | None, Parameter(help="Column of titles in the file: CSV, Parquet, Stata, ...")] = None,
    out: Annotated[Path | None, Parameter(help="Parquet file to write, one row per distinct title.")] = None,
    threshold: Annotated[float, Parameter(help="Leave titles uncoded whose confidence is below it.")] = 0.5,
    json: AsJson = False,
) -> None:
    """Code free-text job titles into occ1990dd, each with a confidence; a title that stays below it is left uncoded.

    Example: `laborllm code-titles "Sr. Engineer, Civil" "night nurse" RN`
    """
    from laborllm.occupations.coding import load_coder
    from laborllm.storage import new_file

    coder = load_coder()
    coded = coder.code(titles if column is None else _read(titles, column), threshold=threshold)
    if out is not None:
        with new_file(out) as file:
            coded.write_parquet(file)
        print(f"{out}: {coded.height:,} titles, {coded['code'].count():,} coded", file=sys.stderr)
    else:
        _show(coded, coder.taxonomy, json=json)


def _read(files: list[str], column: str) -> "pl.Series":
    from laborllm.errors import SourceError
    from laborllm.sources.formats.raw import read_raw

    if len(files) != 1:
        raise SourceError(f"--column reads one file, and {len(files)} are named")
    return read_raw(Path(files[0]), [column]).frame[column]


def _show(coded: "pl.DataFrame", taxonomy: "Taxonomy", *, json: bool) -> None:
    if json:
        print(coded.write_json())
        return
    for title, code, confidence, match in coded.rows():
        place = f"{code}, {taxonomy.title(code)}" if code else "uncoded"
        print(f"{title}: {place} ({match}, confidence {confidence:.2f})")
