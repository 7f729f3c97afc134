"""Tables of the user's own that are set next to what a model says: pay by occupation, distances between occupations."""

import polars as pl

from laborllm.errors import InputError


def codes_and_number(table: pl.DataFrame, what: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """The columns of a table: codes as text, and last a number.

    Args:
        table: The user's.
        what: What it is of, for the error.
        columns: Those of codes, and that of the number.

    Raises:
        InputError: A column is not there, or the last one holds no numbers.
    """
    missing = [name for name in columns if name not in table.columns]
    if missing:
        needed = f"{', '.join(columns[:-1])} and {columns[-1]}"
        raise InputError(f"the table of {what} has no column {missing[0]!r}: it needs {needed}")
    number = columns[-1]
    if not table[number].dtype.is_numeric():
        raise InputError(f"the column {number!r} of the table of {what} is to be numbers, not {table[number].dtype}")
    return table.select(pl.col(columns[:-1]).cast(pl.String), pl.col(number).cast(pl.Float64))
