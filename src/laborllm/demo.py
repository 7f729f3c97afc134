"""The whole path on public data in minutes: real careers to an evaluated, fine-tuned forecast and a report on it."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from laborllm.evaluation import Evaluation, evaluate
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.models.language.language_model import FittedLanguageModel
from laborllm.models.language.specs import LanguageModel, OffTheShelf
from laborllm.panel import Panel
from laborllm.report.examples import example_section
from laborllm.report.figures import learning_curve
from laborllm.report.html import write_report
from laborllm.report.pages.evaluation import Figure, Section
from laborllm.report.table import frame_table
from laborllm.report.terminal import show
from laborllm.sources import import_nlswork
from laborllm.storage import new_folder, sole_writer

TRANSITION, UNTUNED, TUNED = "transition", "off the shelf", "fine-tuned"

REPORT = "report.html"


@dataclass(frozen=True)
class Budget:
    """How much of the panel the demo uses. The default is for two CPU cores and ten minutes."""

    base: str = "smollm2-135m"
    training_careers: int = 220
    validation_careers: int = 24
    test_careers: int = 80
    training: TuningConfig = field(default_factory=lambda: TuningConfig(batch_size=1, validate_every=110))

    @property
    def fewer(self) -> str:
        """The name of the transition model that has seen no more careers than the language model."""
        return f"{TRANSITION}, {self.training_careers}"


def run_demo(out: Path, *, seed: int = 0, budget: Budget | None = None) -> Evaluation:
    """Write the panel, the run folders and `report.html` to a new folder, and show the tables.

    Args:
        out: The folder, which must not exist.
        seed: Decides everything random.
        budget: How many careers are read; None: the default.

    Returns:
        The evaluation.
    """
    budget = budget or Budget()
    start = time.monotonic()
    with sole_writer(out), new_folder(out) as folder:
        _say("1/4", "import nlswork: real careers of young women, 1968-1988")
        panel = import_nlswork()
        panel.save(folder / "nlswork.parquet")
        models = _fit(panel, budget, seed, folder)
        _say("4/4", f"evaluate on {budget.test_careers} women that no model has seen")
        about = _about(panel, budget)
        found = evaluate(models, panel, workers=budget.test_careers, by=["transition"], seed=seed, about=about)
        minutes = (time.monotonic() - start) / 60
        fitted = models[TUNED]
        assert isinstance(fitted, FittedLanguageModel)
        write_report(
            folder / REPORT,
            found,
            title="The next occupation of 4,711 young women",
            facts=_facts(panel, budget, minutes),
            notes=(NOTE,),
            examples=example_section({name: models[name] for name in found.ranking}, panel),
            sections=(_curve(fitted),),
        )
    show(found)
    _say("done", f"in {minutes:.1f} minutes: open {out / REPORT}")
    return found


NOTE = (
    "The demo fits into ten minutes on two CPU cores: a small base model sees a few hundred careers once. "
    "Its occupations are 13 broad groups. A study uses the 330-odd occupations of occ1990dd, all careers, "
    "and a larger base model on a GPU."
)


def _fit(panel: Panel, budget: Budget, seed: int, folder: Path) -> dict[str, Fitted]:
    fewer = panel.with_training(budget.training_careers, seed=seed)
    _say("2/4", "count transitions")
    models: dict[str, Fitted] = {
        TRANSITION: Transition().fit(panel, seed=seed),
        budget.fewer: Transition().fit(fewer, seed=seed),
        UNTUNED: OffTheShelf(base=budget.base).fit(panel, seed=seed),
    }
    _say("3/4", f"fine-tune {budget.base} on {budget.training_careers} careers")
    tuned = LanguageModel(base=budget.base, valid_careers=budget.validation_careers, training=budget.training)
    models[TUNED] = tuned.fit(fewer, seed=seed)
    for name, model in models.items():
        model.save(folder / name.replace(", ", "-").replace(" ", "-"))
    return models


def _about(panel: Panel, budget: Budget) -> dict[str, str]:
    everyone = panel.subset("train").workers
    return {
        TRANSITION: f"two-part transition frequencies of {everyone:,} women",
        budget.fewer: f"the same, of the {budget.training_careers} women that the language model was tuned on",
        UNTUNED: f"{budget.base} as it comes",
        TUNED: f"{budget.base} tuned on the texts of {budget.training_careers} careers, {budget.training.method}",
    }


def _facts(panel: Panel, budget: Budget, minutes: float) -> dict[str, str]:
    tested = f"{budget.test_careers} of {panel.subset('test').workers} women of split test, drawn at random"
    return {
        "Panel": f"nlswork: {len(panel):,} records of {panel.workers:,} women of the National Longitudinal Surveys",
        "Taxonomy": f"{len(panel.taxonomy)} occupations: 13 occupation groups and unemployment",
        "Evaluated on": tested,
        "Time": f"{minutes:.1f} minutes from panel to report",
        "Fingerprint": panel.fingerprint,
    }


def _curve(fitted: FittedLanguageModel) -> Section:
    rows = [
        {"series": TUNED, "careers": point.careers, "perplexity": point.valid_perplexity}
        for point in fitted.curve
        if point.careers
    ]
    frame = pl.DataFrame(rows)
    caption = "Raw perplexity on validation careers during training: the probability of the title's text itself."
    return Section(
        "Learning from careers",
        "Each point has seen that many careers. The curve is still falling where it ends: more careers would help.",
        (Figure(learning_curve(frame), frame_table("The numbers of this figure", frame), caption),),
    )


def _say(step: str, what: str) -> None:
    print(f"[{step}] {what}", file=sys.stderr, flush=True)
