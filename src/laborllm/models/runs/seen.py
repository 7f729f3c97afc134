"""Which values of the covariates a model has seen. Kept as hashes, which tell whether a value was seen."""

import hashlib
from collections.abc import Iterable, Mapping

import polars as pl

from laborllm.panel import Panel
from laborllm.panel.files.store import Careers
from laborllm.sources.spellings import WORDS

CATEGORIES = ("education", "gender", "ethnicity", "region")
PORTION = 16_384  # records looked at together
SCHEMA = {"covariate": pl.String(), "value": pl.String(), "records": pl.Int64(), "workers": pl.Int64()}

Seen = dict[str, list[str]]


def seen_values(training: Panel, left_out: Iterable[str] = ()) -> Seen:
    """Hashes of the values that the training careers have of each covariate that the model reads, by covariate."""
    read = [name for name in CATEGORIES if name not in set(left_out)]
    return {name: sorted(_hash(name, value) for value in _values(training, name)) for name in read}


def seen_by_all(parts: Iterable[Seen]) -> Seen:
    """What a model made of others has seen: of each covariate, the values known to all that read it."""
    parts = list(parts)
    read = [name for name in CATEGORIES if any(name in part for part in parts)]
    return {name: sorted(set.intersection(*(set(part[name]) for part in parts if name in part))) for name in read}


def may_know(seen: Mapping[str, Iterable[str]], covariate: str, value: str) -> bool:
    """Whether a model has seen a value of a covariate; a covariate of which nothing is recorded counts as seen.

    Args:
        seen: Covariate to the hashes of the values that were seen.
        covariate: Its name.
        value: The value asked about.
    """
    return covariate not in seen or _hash(covariate, value) in seen[covariate]


def known_words(seen: Mapping[str, Iterable[str]], covariate: str) -> list[str]:
    """The words of the panels for a covariate that a model has seen, in their order; its other words are hashes."""
    return [word for word in WORDS.get(covariate, ()) if may_know(seen, covariate, word)]


def never_saw(seen: Mapping[str, Iterable[str]], covariate: str, value: str) -> str:
    """What to say of a value that a model has never seen: which it knows, of those that the panels use.

    Args:
        seen: Covariate to the hashes of the values that were seen.
        covariate: Its name.
        value: The value that was not seen.
    """
    known = ", ".join(known_words(seen, covariate))
    instead = f"; it knows: {known}" if known else ""
    return f"the model never saw {covariate} {value!r}, so what it would say of it means nothing{instead}"


def unknown_values(seen: Mapping[str, Iterable[str]], careers: Careers) -> pl.DataFrame:
    """The values of the covariates of some careers that a model has never seen, missing ones aside.

    Args:
        seen: Hashes of the values that the model has seen, by covariate: the `seen` of its `FitRecord`.
        careers: A panel, or the file of one.

    Returns:
        A row per covariate and value, the most frequent first within a covariate, with its records and workers.
    """
    known = {name: frozenset(hashes) for name, hashes in seen.items()}
    portions = careers.portions(PORTION) if known else ()
    parts = [_unknown(name, hashes, portion) for portion in portions for name, hashes in known.items()]
    counted = pl.concat([pl.DataFrame(schema=SCHEMA), *parts]).group_by("covariate", "value").sum()
    place = pl.col("covariate").replace_strict(list(known), range(len(known)), return_dtype=pl.Int64)
    return counted.sort(place, -pl.col("records"), "value")


def _unknown(name: str, known: frozenset[str], panel: Panel) -> pl.DataFrame:
    """The values of one covariate that are not known, with the schema `SCHEMA`."""
    values = [value for value in _values(panel, name) if _hash(name, value) not in known]
    return (
        panel.records.filter(pl.col(name).is_in(values))
        .group_by(value=name)
        .agg(records=pl.len(), workers=pl.col("worker").n_unique())
        .select(pl.lit(name).alias("covariate"), "value", "records", "workers")
        .cast(pl.Schema(SCHEMA))
    )


def _values(panel: Panel, name: str) -> list[str]:
    return panel.records[name].drop_nulls().unique().to_list()


def _hash(name: str, value: str) -> str:
    return hashlib.sha256(f"{name}\0{value}".encode()).hexdigest()[:16]
