"""Natural frequencies as sentences: of 100 people with this history, 52 stay."""

import polars as pl


def sentences(frequencies: pl.DataFrame, shown: int, *, workers: int | None = None) -> list[str]:
    """A sentence for each of the first workers and each of their years, and how many are left out.

    Args:
        frequencies: Worker, year, kind, title and people, as `laborllm.natural_frequencies` gives them.
        shown: How many workers.
        workers: How many there are in all. Default: those of `frequencies`.
    """
    parts = frequencies.partition_by("worker", maintain_order=True)
    said = [_sentence(year) for part in parts[:shown] for year in part.partition_by("year", maintain_order=True)]
    more = (len(parts) if workers is None else workers) - shown
    return [*said, f"and {more:,} more workers in the file"] if more > 0 else said


def _sentence(rows: pl.DataFrame) -> str:
    """What is said of one worker and year: those who stay first, then moves, then all others."""
    people = rows["people"].sum()
    phrases = [_phrase(row) for row in rows.iter_rows(named=True) if row["people"] or row["kind"] == "stay"]
    return f"{rows['worker'][0]}, {rows['year'][0]}: of {people:,} people with this history, {'; '.join(phrases)}"


def _phrase(row: dict[str, object]) -> str:
    verbs = {"stay": "stay: ", "move": "move: ", "first": "begin: "}
    said = "all others" if row["kind"] == "other" else f"{verbs[str(row['kind'])]}{row['title']}"
    return f"{row['people']} {said}"
