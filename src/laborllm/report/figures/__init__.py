"""Figures: each takes a tidy frame and returns the chart; saving is the caller's."""

from laborllm.report.figures.backtests import rates_by_age, score_by_horizon
from laborllm.report.figures.curves import learning_curve, pruning, rates
from laborllm.report.figures.evaluation import (
    areas,
    calibration,
    flows,
    perplexity_by_group,
    perplexity_by_level,
    perplexity_by_model,
    perplexity_over_time,
    ratio_to_reference,
)
from laborllm.report.figures.futures import fan, index_plot, river, shares_by_year
from laborllm.report.figures.look import Chart, Draw, to_svg
from laborllm.report.figures.study import agreement, occupation_map, ratios, scaling, shares_of_variance

__all__ = [
    "Chart",
    "Draw",
    "agreement",
    "areas",
    "calibration",
    "fan",
    "flows",
    "index_plot",
    "learning_curve",
    "occupation_map",
    "perplexity_by_group",
    "perplexity_by_level",
    "perplexity_by_model",
    "perplexity_over_time",
    "pruning",
    "rates",
    "rates_by_age",
    "ratio_to_reference",
    "ratios",
    "river",
    "scaling",
    "score_by_horizon",
    "shares_by_year",
    "shares_of_variance",
    "to_svg",
]
