"""People on the command line: the options that say how to read them, and what is said of their titles."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from laborllm.errors import LaborLLMError, OptionError, TaxonomyError
from laborllm.sources.people import People, PeopleOptions, read_people
from laborllm.sources.people.options import require_no_state

if TYPE_CHECKING:
    from laborllm.occupations import Taxonomy
    from laborllm.panel import Panel
    from laborllm.panel.files.store import PanelFile

SHOWN = 5
FEW = 30  # people of whom the terminal says where they are, where no file is written

PeopleFile = Annotated[
    Path,
    Parameter(
        help="A list with one row per job (CSV or Parquet), JSON Resumes (a file or a folder), or a panel file. A list "
        "from after the first year asked about is taken as it was at the end of the year before that."
    ),
]


Years = Annotated[list[int], Parameter(help="Years to forecast, all after the last record.")]
Draws = Annotated[int, Parameter(help="Paths of each worker.")]
TopOfYear = Annotated[int | None, Parameter(help="Write this many occupations of each worker and year; default: all.")]
MustMove = Annotated[bool, Parameter(help="These people cannot stay where they are.")]
ReadSo = Annotated[PeopleOptions, Parameter(name="*")]
READ_SO = PeopleOptions()


def careers_of(path: Path, options: PeopleOptions, *, before: int | None = None) -> "Panel":
    """The careers of the people at `path`; says of titles that are not sure, and of people left out.

    before: the first year that is asked about; a list of later is taken as it was at the end of the year before.

    Args:
        path: A list, resumes or a panel.
        options: How they are read.
        before: The first year that is asked about: a list of later is taken as it was at the end of the year before.
    """
    people = read_people(path, replace(options, as_of=_as_of(path, options, before)))
    _report(people)
    return people.panel


@contextmanager
def as_panel_file(path: Path, options: PeopleOptions, *, before: int | None = None) -> Iterator[Path]:
    """The panel file at `path`, or one that is made of the people there and gone afterwards (see `careers_of`).

    Args:
        path: A list, resumes or a panel.
        options: How they are read.
        before: The first year that is asked about, see `careers_of`.
    """
    if is_panel_file(path):
        require_no_state(options)
        yield path
        return
    with TemporaryDirectory() as folder:
        made = Path(folder) / "people.parquet"
        careers_of(path, options, before=before).save(made)
        yield made


def require_few(careers: "PanelFile", *, a_row_each: bool = True) -> None:
    """Refuse to print what is said of many: to be called before long work, not after.

    a_row_each: a forecast for each worker; else one for each record.
    """
    rows = sum(part.workers for part in careers.portions(FEW)) if a_row_each else len(careers)
    if rows > FEW:
        raise OptionError(f"{rows:,} forecasts are more than the {FEW} that are printed", hint="name a file with --out")


def require_unread(whole: Path, people: Path) -> None:
    """Refuse to write next to a table, until it is whole, over what is read, or over another's file: to be called
    before long work, not after."""
    from laborllm.panel.parquet.read import UNREADABLE

    if not whole.exists():
        return
    try:
        is_ours = not whole.samefile(people) and any(name.startswith("laborllm.") for name in _metadata(whole))
    except UNREADABLE:
        is_ours = False
    if not is_ours:
        raise OptionError(f"{whole} is in the way, where parts of the table are kept: name another file")


@contextmanager
def until_written(whole: Path, what: str) -> Iterator[None]:
    """Remove the file that a table is made from when the table is written; where it cannot be, say that it stays.

    Args:
        whole: The file.
        what: What it is, for the hint.
    """
    try:
        yield
    except LaborLLMError as error:
        error.hint = f"what was computed stays in {whole}, {what}"
        raise
    whole.unlink()


def _metadata(file: Path) -> dict[str, str]:
    import polars as pl

    return pl.read_parquet_metadata(file)


def require_top(top: int | None) -> None:
    """Refuse to print a number of occupations that is none."""
    if top is not None and top < 1:
        raise OptionError(f"top is how many occupations are shown, at least 1, not {top}")


def code_of(occupation: str, taxonomy: "Taxonomy") -> str:
    """The code of what was named by its code or its title, in capitals or not."""
    titles = {title.casefold(): code for code, title in zip(taxonomy.codes, taxonomy.titles, strict=True)}
    code = occupation if occupation in taxonomy.position else titles.get(occupation.casefold())
    if code is None:
        words = occupation.casefold().split()
        like = [title for title in taxonomy.titles if any(word[:4] in title.casefold() for word in words)][:3]
        hint = f"such as {'; '.join(like)}" if like else "`laborllm code-titles` finds the code of a title"
        raise TaxonomyError(f"taxonomy {taxonomy.name} has no occupation {occupation!r}", hint=hint)
    return code


def is_panel_file(path: Path) -> bool:
    """Whether people are given as a panel, or as nothing that is there."""
    return not path.exists() or (path.suffix == ".parquet" and not _is_list_of_jobs(path))


def next_year(path: Path, options: PeopleOptions) -> int:
    """The year after the one in which a list was true."""
    from laborllm.sources.resumes.import_resumes import last_day

    return last_day(options.as_of, path, options.date_order).year + 1


def _as_of(path: Path, options: PeopleOptions, before: int | None) -> str | None:
    """When a list was true: as is said, or by its date, or at the end of the year before the first that is asked."""
    if options.as_of is not None or before is None or is_panel_file(path) or next_year(path, options) <= before:
        return options.as_of
    print(f"{path}: taken as it was at the end of {before - 1}; --as-of says otherwise", file=sys.stderr)
    return f"{before - 1}-12-31"


def _is_list_of_jobs(path: Path) -> bool:
    import polars as pl

    from laborllm.panel.parquet.read import UNREADABLE
    from laborllm.sources.resumes.jobs import NEEDED

    try:
        return set(NEEDED) <= set(pl.read_parquet_schema(path))
    except UNREADABLE:
        return False  # whoever reads it says what is wrong


def _report(people: People) -> None:
    """How the titles were coded, the least sure first."""
    if people.titles.is_empty():
        return
    coded = people.titles["code"].count()
    workers = people.panel.workers
    print(
        f"{workers:,} {'person' if workers == 1 else 'people'} with {len(people.panel):,} years; {coded:,} of "
        f"{len(people.titles):,} titles coded, the least sure:",
        file=sys.stderr,
    )
    for title, _, occupation, confidence, _ in people.titles.head(SHOWN).iter_rows():
        print(f"  {confidence:.2f}  {title} -> {occupation or 'no code'}", file=sys.stderr)
    for reason, rows in people.panel.provenance.left_out.items():
        print(f"{rows:,} {'row' if rows == 1 else 'rows'} left out: {reason}", file=sys.stderr)
    if people.left_out:
        print(f"{len(people.left_out):,} people left out: no year of theirs has a code", file=sys.stderr)
