"""Question 2: what fine-tuning is worth, against a base model as it comes and shown titles and examples."""

import polars as pl

from laborllm.models.contract import Spec
from laborllm.models.language.specs import OffTheShelf
from laborllm.report.figures import perplexity_by_model
from laborllm.report.numbers import interval, number, share
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, verdict
from laborllm.studies.protocol.runs import Fit, Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Version
from laborllm.studies.questions.common import figure
from laborllm.studies.questions.training.language import scored, tested_on, tuned

TUNED = "fine-tuned"
EXAMPLES = (2, 5)  # careers of the training split before each prompt
METRICS = ("raw_perplexity", "perplexity", "raw_mass", "greedy_valid")


def _fits(study: Study) -> dict[str, Fit]:
    base = study.file.base
    specs: dict[str, Spec] = {
        "off the shelf": OffTheShelf(base),
        "with the list of titles": OffTheShelf(base, title_list=True),
        **{f"with {count} examples": OffTheShelf(base, examples=count) for count in EXAMPLES},
        f"with the list and {EXAMPLES[0]} examples": OffTheShelf(base, title_list=True, examples=EXAMPLES[0]),
    }
    whole = Version(study.first)  # as it is in its file, where a run finds its examples again
    shown = {name: Fit(name.replace(" ", "-"), spec, whole, study.seed) for name, spec in specs.items()}
    return shown | {TUNED: tuned(study)}


def _runs(study: Study) -> list[Scores]:
    return [scored(study, fit, whole=True) for fit in _fits(study).values()]


def _answer(study: Study) -> Answer:
    fits = _fits(study)
    forecasts = {name: study.cache.forecast(scored(study, fit, whole=True)) for name, fit in fits.items()}
    found = study.evaluate(study.panel(tested_on(study)), forecasts, metrics=METRICS)
    rows = []
    for name in fits:
        raw, normalised, mass, greedy = (found.row(name, metric) for metric in METRICS)
        cells = (number(raw["estimate"]), interval(raw["low"], raw["high"]), number(normalised["estimate"]))
        rows.append((name, *cells, share(mass["estimate"]), share(greedy["estimate"])))
    tested = study.panel(tested_on(study)).subset("test").workers
    header = ("model", "raw perplexity", "95 % interval", "over titles only", "raw mass", "greedy valid")
    note = f"{study.file.base}, {tested:,} test workers. Greedy valid: the most probable completion is a title."
    table = Table(f"{study.first}: one base model, shown more and more", header, tuple(rows), note)
    shown = found.estimates.filter(pl.col("estimate").is_finite(), metric="raw_perplexity", group="all")
    known = {name: found.row(name, "raw_perplexity")["estimate"] for name in fits}
    values = [value for value in known.values() if value is not None]
    holds = None if len(values) < len(known) else known[TUNED] == min(values)
    said = ", ".join(f"{number(value)} {name}" for name, value in known.items())
    figures = {"tuning": figure(perplexity_by_model, shown, "Raw perplexity.")} if shown.height else {}
    return Answer(verdict(holds, f"Raw perplexity: {said}."), {"tuning": table}, figures)


QUESTION = Question(
    number=2,
    name="fine-tuning",
    title="What is fine-tuning worth?",
    claim="Off the shelf a language model is far behind, with the list of titles or with examples less, and still far.",
    paper="364.7 off the shelf, 8.18 tuned (PSID81)",
    rule="Replicates if the tuned model has the lowest raw perplexity of all.",
    runs=_runs,
    answer=_answer,
    reads_text=True,
)
