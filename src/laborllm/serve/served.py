"""The model that a server answers with, loaded once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl

from laborllm import api
from laborllm.errors import RunError
from laborllm.forecasting.groups.common_error import CommonError, common_error_of
from laborllm.models.contract import Fitted
from laborllm.models.runs.people import GROUP, OCCUPATION
from laborllm.models.runs.run_folder import CARD
from laborllm.models.runs.shipped import find_run
from laborllm.occupations import Taxonomy
from laborllm.occupations.coding.titles import Titles
from laborllm.panel import Panel, Provenance
from laborllm.serve.outlook import Outlook
from laborllm.sources.spellings import WORDS

WHOM = "Whom it speaks for"  # the section of a card


@dataclass(frozen=True)
class PeopleLike:
    """People that a model learnt from who were once in an occupation, or else in its group.

    Attributes:
        count: How many, in fives; None where there are too few to say.
        place: Title of the occupation, or name of the group.
        is_group: Whether they are those of the group, as those of the occupation are too few to say.
    """

    count: int | None
    place: str
    is_group: bool = False


@dataclass(frozen=True, eq=False)
class Served:
    """A fitted model and what the server says of it.

    Attributes:
        name: What clients call it.
        fitted: The model.
        titles: Codes titles into its taxonomy.
        audit: What an audit found of how much it tells of the people it learnt from, in a sentence; "" for none.
        speaks_for: Of whom it learnt, as its card has it; "" where the card does not say.
        common_error: The error that all people of a group share, where it is known.
    """

    name: str
    fitted: Fitted
    titles: Titles
    audit: str = ""
    speaks_for: str = ""
    common_error: CommonError | None = None

    @cached_property
    def outlook(self) -> Outlook:
        """What the model says of each occupation."""
        return Outlook(self.fitted, datetime.now(UTC).year)

    @classmethod
    def load(cls, run: str | Path, rates: Path | None = None) -> "Served":
        """The model of a run folder, or one that comes with laborllm.

        Args:
            run: The folder, or the name.
            rates: Rates of a backtest of the model, for the ranges of groups; default: what is known of a model that
                comes with laborllm.

        Raises:
            InputError: What `laborllm.load` raises, or rates that are none of this model.
        """
        path, fitted = Path(run), api.load(run)
        card, error = find_run(path) / CARD, common_error_of(path, rates)
        return cls(path.name, fitted, Titles.of(fitted.record.taxonomy), _audit_of(card), _section(card, WHOM), error)

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

    def people_like(self, code: str) -> PeopleLike | None:
        """How many people the model learnt from who were once in an occupation; None where nothing was counted.

        Args:
            code: The occupation, or a state.
        """
        people, at = self.fitted.record.people, self.taxonomy.position[code]
        title, group = self.taxonomy.titles[at], self.taxonomy.groups[at]
        if not people:
            return None
        if count := people[OCCUPATION].get(code):
            return PeopleLike(count, title)
        if count := people[GROUP].get(group):
            return PeopleLike(count, group, is_group=True)
        return PeopleLike(None, title)

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


def _audit_of(card: Path) -> str:
    """The first sentence of the audit in the card of a run folder, or "": `laborllm audit` writes of attacks there, a
    fit does not."""
    first = next(iter(_section(card, "Audit").splitlines()), "")
    return first if " attacks (" in first else ""


def _section(card: Path, title: str) -> str:
    """A section of the card of a run folder, or ""."""
    text = card.read_text("utf-8") if card.is_file() else ""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0].strip()
