"""Put models side by side on the same records: one function, one tidy table."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.flows import FlowTally, flow_table
from laborllm.evaluation.metrics import Metric, choose_metrics
from laborllm.evaluation.reliability import reliability_scores, reliability_table
from laborllm.evaluation.result import Evaluation
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.files import ScoreFiles
from laborllm.evaluation.scores.portions import Score, Scores, score_records
from laborllm.evaluation.tables import Pairs, choose_pairs, comparison_table, estimate_table, measure
from laborllm.models.contract import Forecaster
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.taxonomies import lineage_of, taxonomy_of
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.files.store import Careers, PanelFile
from laborllm.panel.states import comparable
from laborllm.panel.tally import has_few_open
from laborllm.storage import temporary_folder


def evaluate(
    models: Mapping[str, Forecaster | Forecast],
    panel: str | Path | Panel,
    *,
    split: str | None = "test",
    workers: int | None = None,
    by: Iterable[str] = (),
    weights: str = "none",
    cluster: str = "worker",
    strata: str | None = None,
    metrics: Iterable[str | Metric] | None = None,
    reference: str | None = None,
    pairs: Pairs = "reference",
    draws: int = 1000,
    seed: int = 0,
    about: Mapping[str, str] | None = None,
) -> Evaluation:
    """Measure how well models forecast the careers of one split, for all records and by groups of them.

    Where the taxonomies of models and panel differ, all are expressed over what they share: occupations that one lacks
    are left out and the rest renormalised, finer states are summed, and `about` says so.

    Models must have held out who is in split test: evaluate on the panel of their fit, with `workers` and `by` for a
    part of it. A `Forecast` is taken as it is, for whoever made it knows of whom.

    Records whose occupation is not known yet are left out and counted. Each forecast is reduced to some numbers per
    record as it comes, some thousand records at a time, and these are kept in temporary files until they are measured.
    Where the metrics asked for take only the observed occupations (`metrics=["raw_perplexity"]`), nothing else is
    scored.

    Args:
        models: What forecasts, by the name that the tables use: fitted models, or forecasts made before.
        panel: The careers, or the file that holds them, which is then read some careers at a time.
        split: Whose careers to evaluate on; None for all.
        workers: Evaluate on this many of them, drawn at random; None for all.
        by: Groups: "transition", "history", "decade", "origin", "destination", any column of the panel, and crossings
            such as "gender*education".
        weights: "none"; "sampling", the panel's sampling weights; or a column of numbers.
        cluster: Column whose values are drawn together, such as a household.
        strata: Column within whose values clusters are drawn.
        metrics: Names of metrics, or metrics of one's own; None for all.
        reference: Model that the others are compared with; the first by default.
        pairs: "reference": each model with the reference; "all" pairs; or pairs of (model, reference).
        draws: How often clusters are drawn.
        seed: Of the draws, and of `workers`.
        about: A line on each model for the tables.

    Returns:
        Tidy tables, withheld where fewer than ten workers stand behind a number.

    Raises:
        OptionError: There is no model, two of them forecast other records or other codes, or an option names what the
            panel does not have.
        PanelError: No worker is in the split, or no record has an occupation.
        RunError: A model, or one that it was made from, was fitted on another split of the panel's dataset.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=300)
        >>> found = ll.evaluate({"counts": ll.fit("transition", panel)}, panel, by=["gender"], draws=100)
        >>> found.estimates.filter(metric="perplexity", group="gender")["level"].to_list()
        ['female', 'male']
    """
    if not models:
        raise OptionError("there are no models to evaluate: give at least one")
    chosen = choose_pairs(tuple(models), reference, pairs)
    whole = panel if isinstance(panel, Panel) else PanelFile.open(Path(panel))
    for model in models.values():
        if not isinstance(model, Forecast):
            lineage_of(model).require_held_out_by(whole)
    careers = _drawn(whole, split, workers, seed)
    taxonomies = {name: taxonomy_of(model, careers) for name, model in models.items()}
    taxonomy = comparable(careers.taxonomy, list(taxonomies.values()))
    design = {"weights": weights, "cluster": cluster, "strata": strata}
    measures = choose_metrics(metrics, taxonomy)
    with temporary_folder() as folder:
        sample = Sample.of(careers, taxonomy, folder, by=by, draws=draws, seed=seed, **design)  # type: ignore[arg-type]
        tables = _tables(models, careers, taxonomy, sample, measures, chosen, folder)
    open_records = len(careers) - sample.size
    return Evaluation(
        *tables,
        reference=next(iter(models)) if reference is None else reference,
        draws=draws,
        seed=seed,
        weights=weights,
        cluster=cluster,
        strata=strata,
        open_records=open_records if open_records and not has_few_open(careers) else 0,
        about=_about(taxonomies, taxonomy, about or {}),
    )


def _drawn(panel: Panel | PanelFile, split: str | None, workers: int | None, seed: int) -> Careers:
    draw = panel.draw if isinstance(panel, Panel) else panel.select
    return draw(split, workers, seed=seed)


class _Tables(NamedTuple):
    """What was found of all models, as in `Evaluation`."""

    estimates: pl.DataFrame
    comparisons: pl.DataFrame
    reliability: pl.DataFrame
    flows: pl.DataFrame


def _tables(
    models: Mapping[str, Forecaster | Forecast],
    careers: Careers,
    taxonomy: Taxonomy,
    sample: Sample,
    metrics: Sequence[Metric],
    pairs: Sequence[tuple[str, str]],
    folder: Path,
) -> _Tables:
    """Score the records, and measure; reliability and flows only where a metric takes whole distributions."""
    needs = dict.fromkeys(score for metric in metrics for score in metric.scores)
    whole = any(score.whole for score in needs)
    needs |= dict.fromkeys(reliability_scores() if whole else ())
    tallies = {name: FlowTally(sample.flows, iter(sample.blocks)) for name in models} if whole else {}
    scores = _scores(models, careers, taxonomy, tuple(needs), tallies, folder)
    found = measure(sample, scores, metrics)
    return _Tables(
        estimate_table(sample, found),
        comparison_table(sample, found, pairs),
        reliability_table(sample, scores),
        flow_table(sample, tallies),
    )


def _scores(
    models: Mapping[str, Forecaster | Forecast],
    careers: Careers,
    taxonomy: Taxonomy,
    needs: Sequence[Score],
    tallies: Mapping[str, FlowTally],
    folder: Path,
) -> dict[str, Scores]:
    """The scores of each model, in files of `folder`."""
    found: dict[str, Scores] = {}
    for number, (name, model) in enumerate(models.items()):
        own = folder / str(number)
        own.mkdir()
        files = ScoreFiles(own, needs)
        score_records(name, model, careers, taxonomy, needs, files.append, [tallies[name]] if name in tallies else [])
        found[name] = files
    return found


def _about(taxonomies: Mapping[str, Taxonomy], taxonomy: Taxonomy, about: Mapping[str, str]) -> dict[str, str]:
    """The line on each model; of one over another taxonomy it says how it was expressed over the common one."""
    size = len(taxonomy)
    lines = dict(about)
    for name, own in taxonomies.items():
        if own != taxonomy:
            said = f"forecasts over {len(own)} occupations, expressed over the {size} that models and panel share"
            lines[name] = f"{lines[name]}; {said}" if lines.get(name) else said
    return lines
