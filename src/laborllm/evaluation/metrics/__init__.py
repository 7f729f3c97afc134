"""What can be measured of a forecast: each metric has a name, a statistic and draws of it."""

from collections.abc import Iterable

from laborllm.errors import OptionError
from laborllm.evaluation.metrics.auc import Auc
from laborllm.evaluation.metrics.brier import BRIER
from laborllm.evaluation.metrics.calibration_line import CalibrationLine
from laborllm.evaluation.metrics.events import Change, Event, State, TopRight
from laborllm.evaluation.metrics.kuiper import Kuiper
from laborllm.evaluation.metrics.metric import Metric
from laborllm.evaluation.metrics.perplexity import LOG_SCORE, PERPLEXITY, RAW_PERPLEXITY
from laborllm.evaluation.metrics.top_k import top_k
from laborllm.evaluation.metrics.validity import GREEDY_VALID, RAW_MASS, WITHIN
from laborllm.occupations import Taxonomy

__all__ = ["CALIBRATED", "Metric", "all_metrics", "choose_metrics", "states_of"]

CALIBRATED: tuple[Event, ...] = (Change(), TopRight())
"""The events whose calibration is measured."""


def all_metrics(taxonomy: Taxonomy) -> tuple[Metric, ...]:
    """Every metric that forecasts over a taxonomy have."""
    means = (PERPLEXITY, RAW_PERPLEXITY, LOG_SCORE, BRIER, top_k(1), top_k(5), RAW_MASS, GREEDY_VALID, WITHIN)
    events: tuple[Event, ...] = (Change(), *states_of(taxonomy))
    areas = tuple(Auc(event) for event in events)
    return (*means, *areas, *(metric for event in CALIBRATED for metric in _calibration(event)))


def choose_metrics(chosen: Iterable[str | Metric] | None, taxonomy: Taxonomy) -> tuple[Metric, ...]:
    """The metrics named, or given as objects of one's own; None: all. Raises `OptionError` on an unknown name."""
    known = {metric.name: metric for metric in all_metrics(taxonomy)}
    if chosen is None:
        return tuple(known.values())
    metrics = list(chosen)
    unknown = [name for name in metrics if isinstance(name, str) and name not in known]
    if unknown or not metrics:
        raise OptionError(f"unknown metric {unknown[0] if unknown else '(none)'!r}: use {', '.join(known)}")
    found = tuple(known[metric] if isinstance(metric, str) else metric for metric in metrics)
    return tuple({metric.name: metric for metric in found}.values())


def states_of(taxonomy: Taxonomy) -> tuple[State, ...]:
    """For each state, being in it and entering it."""
    return tuple(
        State(code, taxonomy.title(code), taxonomy.position[code], entering)
        for code in taxonomy.states
        for entering in (False, True)
    )


def _calibration(event: Event) -> tuple[Metric, ...]:
    return CalibrationLine(event, "slope"), CalibrationLine(event, "intercept"), Kuiper(event), Kuiper(event, True)
