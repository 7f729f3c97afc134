"""The verb that codes job titles."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from laborllm.cli.options import AsJson, attribute_texts
from laborllm.cli.places import TO_FILE
from laborllm.sources.resumes.options import JobOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from laborllm.occupations import Taxonomy

CODED = attribute_texts(JobOptions)


def code_titles(
    titles: list[str],
    /,
    *,
    column: str | None = None,
    out: Annotated[Path | None, TO_FILE] = None,
    threshold: Annotated[float, Parameter(help=CODED["threshold"])] = JobOptions.threshold,
    corrections: Annotated[Path | None, Parameter(help=CODED["corrections"])] = None,
    uncoded: Annotated[bool, Parameter(negative="")] = False,
    json: AsJson = False,
) -> None:
    """Code free-text job titles into occ1990dd, each with a confidence; a title that stays below it is left uncoded.

    Example: `laborllm code-titles "Sr. Engineer, Civil" "night nurse" RN`

    Args:
        titles: Job titles; or, with --column, one table file that holds them.
        column: Column of titles in the file: CSV, Parquet, Stata, ...
        out: Table to write, one row per distinct title; its name says the format: .parquet, .csv or .dta.
        uncoded: Print only the titles without a code, with how many rows have them.
    """
    from laborllm.forecasting.export import require_table
    from laborllm.forecasting.table_files import write_table
    from laborllm.occupations.coding import load_coder

    if out is not None:
        require_table(out, "long", None)
    rows = titles if column is None else _read(titles, column).to_list()
    coder = load_coder(corrections)
    coded = coder.code(rows, threshold=threshold)
    if out is not None:
        write_table(coded, out)
        print(f"{out}: {coded.height:,} titles, {coded['code'].count():,} coded", file=sys.stderr)
    if uncoded:
        _show_uncoded(coded, rows)
    elif out is None:
        _show(coded, coder.taxonomy, json=json)


def _read(files: list[str], column: str) -> "pl.Series":
    from laborllm.errors import SourceError
    from laborllm.sources.formats.raw import read_raw

    if len(files) != 1:
        raise SourceError(f"--column reads one file, and {len(files)} are named")
    return read_raw(Path(files[0]), [column]).frame[column]


def _show_uncoded(coded: "pl.DataFrame", rows: "Sequence[str | None]") -> None:
    counts = Counter(rows)
    for title in sorted(coded.filter(coded["code"].is_null())["title"], key=lambda title: (-counts[title], title)):
        print(f"{counts[title]:>12,}  {title}")


def _show(coded: "pl.DataFrame", taxonomy: "Taxonomy", *, json: bool) -> None:
    if json:
        print(coded.write_json())
        return
    for title, code, confidence, match in coded.rows():
        place = f"{code}, {taxonomy.title(code)}" if code else "uncoded"
        print(f"{title}: {place} ({match}, confidence {confidence:.2f})")
