"""Rows of a SQL query: the same plain table as a file gives, from PostgreSQL or DuckDB.

A password is taken from the address or from where PostgreSQL's own tools look for it (PGPASSWORD, ~/.pgpass), and goes
nowhere else: an address is shown without it, and what a driver says is shown with it struck out.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.formats.headers import find_columns
from laborllm.sources.formats.raw_table import RawTable, in_text
from laborllm.sources.formats.text import plain

POSTGRES = re.compile(
    r"postgres(?:ql)?://"
    r"(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^:@/?#]*))?@)?"
    r"(?P<place>(?:[\w.-]*|\[[0-9a-fA-F:]+\])(?::\d+)?/[\w.%-]*)"
    r"(?:\?(?P<options>[^#@]*))?"
)
"""An address as libpq reads it, of one server. Any other form is refused unseen: it could hold a password."""

DUCKDB = "duckdb://"
READ_ONLY: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",  # no other file, no other database, no extension
    "lock_configuration": "true",
}
"""How DuckDB is set, besides being opened read-only: a query reads the tables of its file and nothing else."""

TEXTS = re.compile(
    r"""(?P<name>"(?:[^"]|"")*")"""
    r"""|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<text>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))""",
    re.DOTALL,
)
"""Names, comments and texts in SQL."""
QUOTES = re.compile(r"\A(?:[eE]?'|\"|\$\w*\$|--|/\*)|(?:'|\"|\$\w*\$|\*/)\Z")
"""What encloses them."""
EXCERPT = re.compile(r"\n(?:Query was:|LINE \d)")
"""Where a driver's error begins to repeat the query, perhaps a part of a text."""
STRUCK = "***"


def read_query(query: str, database: str, columns: Sequence[str]) -> RawTable:
    """Read the rows of a SQL query; nothing is changed in the database.

    Args:
        query: The query.
        database: postgresql://USER@HOST:PORT/NAME or duckdb://FILE.
        columns: Which columns of its rows to keep.

    Returns:
        The rows as text, with notes on the query that hold no value of it.

    Raises:
        SourceError: An address, a server, a query or a column that cannot be used, or the package that reads such a
            database is not installed.
    """
    where = shown_address(database)
    read = _read_duckdb if database.startswith(DUCKDB) else _read_postgres
    frame = read(query, database, where)
    found = find_columns("the query", columns, frame.columns)
    notes = {
        "database": where,
        "query": without_texts(query),
        "query SHA-256": hashlib.sha256(query.encode()).hexdigest(),
    }
    return RawTable(in_text(frame.select(pl.col(there).alias(name) for name, there in found.items())), notes=notes)


def shown_address(database: str) -> str:
    """The address without user, password, options and folder.

    Raises `SourceError`, which does not repeat it, if it is none.
    """
    if database.startswith(DUCKDB):
        return f"{DUCKDB}{plain(Path(database.removeprefix(DUCKDB)).name)}"
    found = POSTGRES.fullmatch(database)
    if found is None:
        raise SourceError(
            "the database address is not one: write postgresql://USER@HOST:PORT/NAME, with special characters of a "
            "password as %XX, or duckdb://FILE"
        )
    return f"postgresql://{found['place']}"


def without_texts(query: str) -> str:
    """The query without its comments and with every text in it struck out: any of them may be a secret or a person."""

    def keep_names(found: re.Match[str]) -> str:
        name = found["name"]
        return name if name and not re.search("[:=]", name) else "" if found["comment"] else f"'{STRUCK}'"

    return TEXTS.sub(keep_names, query)


def _read_postgres(query: str, database: str, where: str) -> pl.DataFrame:
    try:
        import adbc_driver_postgresql  # noqa: F401
        from adbc_driver_manager.dbapi import Error
    except ImportError as error:
        raise SourceError("PostgreSQL needs the driver: pip install 'laborllm[databases]'") from error
    try:
        return pl.read_database_uri(query, database, engine="adbc")
    except (Error, pl.exceptions.PolarsError) as error:
        said = _without([*_secrets(database), *_left_out(query)], _line(error))
    raise SourceError(f"{where}: {said}")  # outside, as the driver's own error may show the password


def _read_duckdb(query: str, database: str, where: str) -> pl.DataFrame:
    try:
        import duckdb
    except ImportError as error:
        raise SourceError("DuckDB needs its package: pip install 'laborllm[databases]'") from error
    path = Path(database.removeprefix(DUCKDB))
    if not path.is_file():
        raise SourceError(f"no database file at {path}")
    try:
        with duckdb.connect(path, read_only=True, config=READ_ONLY) as connection:
            found = connection.sql(query)
            return pl.DataFrame(found) if found is not None else pl.DataFrame()
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        said = _without(_left_out(query), _line(error))
    raise SourceError(f"{where}: {said}")  # outside, as the driver's own error shows the query


def _secrets(database: str) -> list[str]:
    """Every text of an address that may be a password, as written and as decoded; the longest first."""
    found = POSTGRES.fullmatch(database)
    if found is None:
        return []
    written = [found["password"] or ""]
    written += [value for name, value in parse_qsl(found["options"] or "") if "pass" in name]
    return sorted({text for secret in written for text in (secret, unquote(secret)) if text}, key=len, reverse=True)


def _left_out(query: str) -> list[str]:
    """What `without_texts` leaves out, without its marks, as written and as meant: an error may repeat it. The longest
    first."""
    kept = without_texts(query)
    written = [QUOTES.sub("", found[0]) for found in TEXTS.finditer(query) if found[0] not in kept]
    meant = {text for each in written for text in (each, re.sub(r"(['\"])\1", r"\1", each)) if text}
    return sorted(meant, key=len, reverse=True)


def _without(secrets: Sequence[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, STRUCK)
    return text


def _line(error: Exception) -> str:
    return plain(EXCERPT.split(str(error), 1)[0]) or type(error).__name__
