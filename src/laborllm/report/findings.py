"""The result of an evaluation in words."""

from laborllm.evaluation import Evaluation
from laborllm.privacy import SMALLEST_CELL
from laborllm.report.numbers import interval, number
from laborllm.report.tables import INCONCLUSIVE, finding

TWICE = 2  # from here on a ratio reads better as so many times than as a percentage


def headline(evaluation: Evaluation) -> str:
    """One sentence: the best model, its perplexity, and its distance to the reference (or of the next best to it)."""
    best = evaluation.ranking[0]
    measure = evaluation.measure_of(best)
    row = evaluation.row(best, measure)
    if row["estimate"] is None:
        return (
            f"There are too few workers to report a result: each number takes {SMALLEST_CELL} of them or more. "
            "They can be forecast one by one all the same."
        )
    name = measure.replace("_", " ")
    claim = f"has the lowest {name}," if len(evaluation.ranking) > 1 else f"has a {name} of"
    within = f" (95 % interval {interval(row['low'], row['high'])})" if row["low"] is not None else ""
    return f"{best} {claim} {number(row['estimate'])}{within}{_standing(evaluation, best)}."


def _standing(evaluation: Evaluation, best: str) -> str:
    """The best model against the reference; where it is the reference, the next best against it."""
    metric, reference = evaluation.measure_of(best), evaluation.reference
    others = [model for model in evaluation.ranking if model != reference]
    ratios = {model: evaluation.compared(model, reference, metric) for model in others}
    compared = [model for model, ratio in ratios.items() if ratio["estimate"] is not None]
    if not compared or (best != reference and compared[0] != best):
        return ""
    if best == reference:
        return f"; the next, {compared[0]}, is {_against(ratios[compared[0]])} it"
    return f", {_against(ratios[best])} {reference}"


def _against(ratio: dict[str, float | None]) -> str:
    """A ratio as words that go before the name of what it is a ratio to."""
    estimate, low, high = ratio["estimate"], ratio["low"], ratio["high"]
    if estimate is None or low is None or high is None:
        return "at an unknown distance from"
    is_open = finding(low, high, neutral=1) == INCONCLUSIVE
    if is_open or estimate >= TWICE:
        times, within = f"{number(estimate, near_one=True)} times", interval(low, high, near_one=True)
        chance = ", so chance could explain it" if is_open else ""
        return f"{times} (95 % interval {within}{chance}) the perplexity of"
    side = "below" if high < 1 else "above"
    bounds = sorted(abs(100 * (bound - 1)) for bound in (low, high))
    within = f"95 % interval {bounds[0]:,.1f} to {bounds[1]:,.1f} %"
    return f"{abs(100 * (estimate - 1)):,.1f} % ({within}) {side}"
