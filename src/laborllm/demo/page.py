"""What the demo's report says of its models, its budget and how the language model learnt."""

from pathlib import Path

import polars as pl

from laborllm.demo.budget import Budget
from laborllm.evaluation import Evaluation
from laborllm.models.contract import Fitted
from laborllm.models.language.language_model import FittedLanguageModel
from laborllm.panel import Panel
from laborllm.report.examples import example_section
from laborllm.report.figures import learning_curve
from laborllm.report.page import Figure, Section
from laborllm.report.pages.evaluation import write_report
from laborllm.report.table import frame_table

TRANSITION, UNTUNED, TUNED = "transition", "off the shelf", "fine-tuned"
NOTE = (
    "The demo fits into ten minutes on two CPU cores: a small base model sees a few hundred careers once. "
    "Its occupations are 13 broad groups. A study uses the 330-odd occupations of occ1990dd, all careers, "
    "and a larger base model on a GPU."
)


def write_page(
    path: Path, found: Evaluation, models: dict[str, Fitted], panel: Panel, budget: Budget | None, minutes: float
) -> None:
    """Write the report; budget: None where there was no time for a language model.

    Args:
        path: The HTML file to write.
        found: The evaluation.
        models: The fitted models, by name.
        panel: The careers.
        budget: What was trained on and forecast; None: there was no time for a language model.
        minutes: How long the demo took.
    """
    fitted = models.get(TUNED)
    write_report(
        path,
        found,
        title="The next occupation of 4,711 young women",
        facts=_facts(panel, budget, minutes),
        notes=(NOTE,),
        examples=example_section({name: models[name] for name in found.ranking}, panel),
        sections=(_curve(fitted),) if isinstance(fitted, FittedLanguageModel) else (),
    )


def fewer_name(budget: Budget) -> str:
    """The name of the transition model that has seen no more careers than the language model."""
    return f"{TRANSITION}, {budget.training_careers}"


def described(panel: Panel, budget: Budget | None = None) -> dict[str, str]:
    """What each model is, by name: of counting only, or of all within a budget."""
    everyone = panel.subset("train").workers
    counted = {TRANSITION: f"two-part transition frequencies of {everyone:,} women"}
    if budget is None:
        return counted
    return counted | {
        fewer_name(budget): f"the same, of the {budget.training_careers} women that the language model was tuned on",
        UNTUNED: f"{budget.base} as it comes",
        TUNED: f"{budget.base} tuned on the texts of {budget.training_careers} careers, {budget.training.method}",
    }


def _facts(panel: Panel, budget: Budget | None, minutes: float) -> dict[str, str]:
    women = panel.subset("test").workers
    drawn = "all" if budget is None else f"{budget.test_careers} drawn at random"
    return {
        "Panel": f"nlswork: {len(panel):,} records of {panel.workers:,} women of the National Longitudinal Surveys",
        "Taxonomy": f"{len(panel.taxonomy)} occupations: 13 occupation groups and unemployment",
        "Evaluated on": f"split test, of {women} women: {drawn}",
        "Budget": _read(budget),
        "Time": f"{minutes:.1f} minutes from panel to report",
        "Fingerprint": panel.fingerprint,
    }


def _read(budget: Budget | None) -> str:
    if budget is None:
        return "no language model: this machine is too slow for one in the time there is"
    planned = Budget.training_careers
    fewer = f", of {planned} on a faster machine" if budget.training_careers < planned else ""
    return f"tuned on {budget.training_careers} careers{fewer}"


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
