"""The file of a study: its panels, its base model and its questions, in a few lines of YAML; and how large it is.

title: LABOR-LLM on the NLSY97
panels: {NLSY97: nlsy97.parquet, NLSY79: nlsy79.parquet, nlswork: nlswork}
base: smollm2-135m
questions: [1, 5, 7]
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from laborllm.errors import SourceError
from laborllm.sources.section import Section
from laborllm.studies.protocol.models import require_models

SizeName = Literal["smoke", "cpu", "full"]
BASE = "smollm2-135m"


@dataclass(frozen=True)
class Size:
    """How much a study computes.

    Attributes:
        models: Those over codes that take part, besides their mixtures.
        seeds: Each model that a seed changes is fitted once with each.
        refitted: Models that are fitted on resampled training households.
        refits: How often.
        draws: Bootstrap draws.
        folds: Of a confirmation.
        repeats: How often a confirmation draws its folds.
        chained: Test workers who are forecast by way of every occupation of the year between; None for all.
        careers: Training careers that a language model reads; None for all.
        head_careers: Training careers that a title head reads, with the first layers of its base model; None for all.
        scored: Test workers on whom language models are compared; None for all.
        synthetic: Workers of the synthetic panels in place of the study's; None for its own panels.
    """

    models: tuple[str, ...]
    seeds: tuple[int, ...]
    refitted: tuple[str, ...]
    refits: int
    draws: int
    folds: int
    repeats: int
    chained: int | None
    careers: int | None
    head_careers: int | None
    scored: int | None
    synthetic: int | None = None


COUNTS, NETWORKS = ("plain", "two-part", "second-order"), ("logit", "bag-of-jobs", "nemo", "career")

CPU = Size(
    models=(*COUNTS, *NETWORKS),
    seeds=(0, 1, 2),
    refitted=("two-part", "logit", "bag-of-jobs"),
    refits=20,
    draws=1000,
    folds=4,
    repeats=2,
    chained=100,
    careers=128,
    head_careers=512,
    scored=10,
)

SIZES: dict[SizeName, Size] = {
    "smoke": replace(
        CPU,
        models=("two-part", "logit", "career"),
        seeds=(0, 1),
        refitted=("two-part", "logit"),
        refits=2,
        draws=40,
        folds=2,
        repeats=1,
        chained=16,
        careers=8,
        head_careers=8,
        scored=2,
        synthetic=180,
    ),
    "cpu": CPU,
    "full": replace(
        CPU, refitted=CPU.models, folds=10, repeats=3, chained=None, careers=None, head_careers=None, scored=300
    ),
}
"""smoke: under a minute, on synthetic panels. cpu: hours of two cores. full: with a GPU."""


@dataclass(frozen=True)
class StudyFile:
    """What the file of a study says.

    Attributes:
        title: Of its report.
        panels: Name in tables to a panel file, or to `nlswork`, which comes with laborllm. Questions that take one
            panel take the first.
        base: Base model of the language models.
        questions: Numbers of questions; empty for all.
        models: Names in tables of the models that take part; empty for those of the size.
        distances: A CSV file of distances between occupations, such as those of O*NET ratings, that vectors are
            compared with; None for none.

    Raises:
        SourceError: A name of a panel that no file can have in its own.
        OptionError: An unknown model, or none to compare.
    """

    title: str
    panels: Mapping[str, str]
    base: str = BASE
    questions: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    distances: str | None = None

    def __post_init__(self) -> None:
        require_models(self.models)
        for name in self.panels:
            if not name.isprintable() or Path(name).name != name:
                raise SourceError(f"a panel cannot be called {name!r}: files of the study have its name in theirs")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises `SourceError` where it does not say what a study needs."""
        said = Section.load(path, "study")
        said.require_keys(["title", "panels"], ["base", "questions", "models", "distances"])
        panels = Section(f"{path.name}: panels", said.content["panels"])
        names = list(panels.content)
        if not names:
            raise SourceError(f"{path.name}: panels names no panel: give NAME: FILE")
        numbers = said.texts("questions")
        wrong = [number for number in numbers if not number.isdecimal()]
        if wrong:
            raise SourceError(f"{path.name}: a question is a number such as 1, not {wrong[0]!r}")
        return cls(
            title=said.text("title"),
            panels={name: panels.text(name) for name in names},
            base=said.text("base", BASE),
            questions=tuple(map(int, numbers)),
            models=tuple(said.texts("models")),
            distances=said.text("distances") if "distances" in said.content else None,
        )
