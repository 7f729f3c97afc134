"""The model that a server answers with, loaded once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl

from laborllm import api
from laborllm.errors import RunError
from laborllm.models.contract import Fitted
from laborllm.models.runs.run_folder import CARD
from laborllm.models.runs.shipped import find_run
from laborllm.occupations import Taxonomy
from laborllm.occupations.coding.titles import Titles
from laborllm.panel import Panel, Provenance
from laborllm.serve.outlook import Outlook
from laborllm.sources.spellings import WORDS


@dataclass(frozen=True, eq=False)
class Served:
    """A fitted model and what the server says of it.

    Attributes:
        name: What clients call it.
        fitted: The model.
        titles: Codes titles into its taxonomy.
        audit: What an audit found of how much it tells of the people it learnt from, in a sentence; "" for none.
    """

    name: str
    fitted: Fitted
    titles: Titles
    audit: str = ""

    @cached_property
    def outlook(self) -> Outlook:
        """What the model says of each occupation."""
        return Outlook(self.fitted, datetime.now(UTC).year)

    @classmethod
    def load(cls, run: str | Path) -> "Served":
        """The model of a run folder, or one that comes with laborllm. Raises what `laborllm.load` does."""
        fitted = api.load(run)
        return cls(Path(run).name, fitted, Titles.of(fitted.record.taxonomy), _audit_of(find_run(Path(run))))

    def require_audited(self) -> None:
        """Raise `RunError` unless an audit goes with the model."""
        if not self.audit:
            raise RunError(
                f"no audit goes with the model {self.name}: how much it repeats of single careers is not known",
                hint="give --unaudited to serve it all the same, to people who may see the data it learnt from",
            )

    @property
    def taxonomy(self) -> Taxonomy:
        """The occupations that it forecasts."""
        return self.fitted.record.taxonomy

    @lru_cache(maxsize=4096)  # noqa: B019, one model a server
    def knows(self, covariate: str, word: str) -> bool:
        """Whether the model can tell a value of a covariate from a missing one.

        Args:
            covariate: Name of the covariate.
            word: The value.
        """
        row = {"worker": "1", "year": 2000, "occupation": self.taxonomy.codes[0], "split": "train", covariate: word}
        panel = Panel(pl.DataFrame([row]), self.taxonomy, self.fitted.record.dataset, Provenance("asked"))
        return api.unknown_values(self.fitted, panel).is_empty()

    def words(self, covariate: str) -> list[str]:
        """The words for a covariate that the model knows, in their order."""
        return [word for word in WORDS[covariate] if self.knows(covariate, word)]


def _audit_of(run: Path) -> str:
    """The first sentence of the audit in the card of a run folder, or "": `laborllm audit` writes of attacks there, a
    fit does not."""
    card = (run / CARD).read_text("utf-8") if (run / CARD).is_file() else ""
    section = card.partition("\n## Audit\n")[2].partition("\n## ")[0].strip()
    first = section.splitlines()[0] if section else ""
    return first if " attacks (" in first else ""
