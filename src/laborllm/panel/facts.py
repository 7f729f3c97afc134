"""What a panel says of its records: where they are from, and how a panel file keeps that in its metadata."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

from laborllm.errors import PanelError, first_line
from laborllm.occupations import Taxonomy
from laborllm.panel.schema import CONTROL

MARK = "laborllm.split_by"  # what the metadata of a panel file has and no other file

OF_NOBODY = frozenset(
    {"confidence of titles", "crosswalk", "database", "dgp", "encoding", "not in the extract", "origin", "query"}
    | {"query SHA-256", "survey rounds", "waves"}
)
"""The notes that may be published: how the source was read. All others quote its cells, or count rows or people."""


@dataclass(frozen=True)
class Provenance:
    """Where a panel came from and what happened to every row on the way."""

    source: str
    files: dict[str, str] = field(default_factory=dict)  # name -> SHA-256
    rows_in: int = 0
    left_out: dict[str, int] = field(default_factory=dict)  # reason -> rows
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def row_counts(self) -> list[tuple[str, int]]:
        """What became of the rows: those read, those left out by reason, as losses, and those kept, their sum."""
        losses = [(reason, -rows) for reason, rows in self.left_out.items()]
        kept = self.rows_in - sum(self.left_out.values())
        return [("read", self.rows_in), *losses, ("kept", kept)]

    @property
    def texts(self) -> list[str]:
        """All that it says in words."""
        return [self.source, *self.files, *self.left_out, *chain(*self.notes.items())]


def facts_as_metadata(
    taxonomy: Taxonomy, dataset: str, provenance: Provenance, weight_kind: str, split_by: str
) -> dict[str, str]:
    """What a panel says of its records, as the metadata of its file.

    Args:
        taxonomy: What the occupations are codes of.
        dataset: The label that career texts use.
        provenance: Where the records are from.
        weight_kind: What the column weight means.
        split_by: The column whose values the split keeps whole.

    Returns:
        Key to text.
    """
    return {
        "laborllm.taxonomy": taxonomy.to_json(),
        "laborllm.dataset": dataset,
        **provenance_as_metadata(provenance),
        "laborllm.weight_kind": weight_kind,
        "laborllm.split_by": split_by,
    }


def provenance_as_metadata(provenance: Provenance) -> dict[str, str]:
    """Where records are from, as the metadata of a panel file."""
    return {"laborllm.provenance": json.dumps(asdict(provenance))}


def read_facts(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What the metadata of a panel file says of its records, as `Panel` takes it. Raises `PanelError` if it is not as
    `Panel.save` writes it."""
    try:
        dataset, provenance = metadata["laborllm.dataset"], Provenance(**json.loads(metadata["laborllm.provenance"]))
        _require_plain([dataset, *provenance.texts])
        return {
            "taxonomy": Taxonomy.from_json(metadata["laborllm.taxonomy"]),
            "dataset": dataset,
            "provenance": provenance,
            "weight_kind": metadata["laborllm.weight_kind"],
            "split_by": metadata["laborllm.split_by"],
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PanelError(f"the panel file is not as this version of laborllm writes it: {first_line(error)}") from error


def _require_plain(texts: Iterable[str]) -> None:
    """Raise `ValueError` for a text that steers a terminal; lines and tabs, as of a query, do not."""
    if any(re.search(CONTROL, re.sub(r"[\n\t]", " ", text)) for text in texts):
        raise ValueError("it says where it is from with characters that steer a terminal")
