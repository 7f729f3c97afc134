"""The whole path on public data in minutes: real careers to an evaluated, fine-tuned forecast and a report on it."""

import math
import sys
import time
from dataclasses import replace
from pathlib import Path

from laborllm.demo.budget import LIMIT, SLACK, Budget, Countdown, OutOfTimeError, Speed
from laborllm.demo.page import TRANSITION, TUNED, UNTUNED, described, fewer_name, write_page
from laborllm.evaluation import Evaluation, evaluate
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.models.language.language_model import FittedLanguageModel
from laborllm.models.language.specs import LanguageModel, OffTheShelf
from laborllm.panel import Panel
from laborllm.report.terminal import show
from laborllm.sources import import_nlswork
from laborllm.storage import new_folder, sole_writer

REPORT = "report.html"
TRIAL = 4  # careers that the machine's speed is measured on
TRIAL_SECONDS = 120.0  # that this may take at most, tuning and forecasts each


def run_demo(out: Path, *, seed: int = 0, budget: Budget | None = None, limit: float = LIMIT) -> Evaluation:
    """Write the panel, the run folders and `report.html` to a folder, and show the tables.

    Args:
        out: A new folder, or one of an earlier demo that nobody has changed.
        seed: Decides everything random.
        budget: How many careers are read, which decides all results together with the seed; None: the default, or less
            of it where this machine is too slow for the limit, and where it is much too slow no language model at all.
        limit: Seconds until the tables, where no budget is given.

    Returns:
        The evaluation.
    """
    start = time.monotonic()
    countdown = Countdown(limit if budget is None else math.inf)
    with sole_writer(out), new_folder(out, kind="demo") as folder:
        _say("1/5", "import nlswork: real careers of young women, 1968-1988")
        panel = import_nlswork()
        panel.save(folder / "nlswork.parquet")
        _say("2/5", "count transitions: first results")
        counted = Transition().fit(panel, seed=seed)
        counted.save(folder / TRANSITION)
        found = evaluate({TRANSITION: counted}, panel, by=["transition"], seed=seed, about=described(panel))
        show(found)
        models: dict[str, Fitted] = {TRANSITION: counted}
        chosen = None
        try:
            language, chosen = _language_models(panel, budget, seed, countdown, folder)
            models |= language
            found = _evaluated(models, panel, chosen, seed, countdown)
            show(found)
        except OutOfTimeError:
            _say("5/5", f"this machine is too slow for a language model in {limit / 60:.0f} minutes: counting only")
            models, chosen = {TRANSITION: counted}, None
        minutes = (time.monotonic() - start) / 60
        write_page(folder / REPORT, found, models, panel, chosen, minutes)
    _say("done", f"in {minutes:.1f} minutes: open {out / REPORT}")
    return found


def _language_models(
    panel: Panel, budget: Budget | None, seed: int, countdown: Countdown, folder: Path
) -> tuple[dict[str, Fitted], Budget]:
    """The models that are compared with counting, saved, and the budget that they were fitted and are tested with."""
    whole = budget or Budget()
    untuned = OffTheShelf(base=whole.base).fit(panel, seed=seed)
    chosen, speed = (whole, None) if budget else _planned(panel, untuned, seed, countdown)
    _say("4/5", f"fine-tune {chosen.base} on {_careers(chosen, whole)}")
    fewer = panel.with_training(chosen.training_careers, seed=seed)
    spec = LanguageModel(base=chosen.base, valid_careers=chosen.validation_careers, training=chosen.training)
    with countdown.showing("fine-tune"):
        tuned = spec.fit(fewer, seed=seed)
    models: dict[str, Fitted] = {
        fewer_name(chosen): Transition().fit(fewer, seed=seed),
        UNTUNED: untuned,
        TUNED: tuned,
    }
    for name, model in models.items():
        model.save(folder / name.replace(", ", "-").replace(" ", "-"))
    if speed is not None:
        chosen = chosen.tested_within(countdown.left * SLACK, speed)
        countdown.plan(2 * chosen.test_careers * speed.forecast)
    return models, chosen


def _evaluated(models: dict[str, Fitted], panel: Panel, budget: Budget, seed: int, countdown: Countdown) -> Evaluation:
    _say("5/5", f"evaluate on {budget.test_careers} women that no model has seen")
    tested = panel.draw("test", budget.test_careers, seed=seed)
    forecasts = {}
    for name, model in models.items():
        with countdown.showing(f"forecast with {name}"):
            forecasts[name] = model.forecast(tested)
    return evaluate(forecasts, tested, by=["transition"], seed=seed, about=described(panel, budget))


def _planned(panel: Panel, untuned: Fitted, seed: int, countdown: Countdown) -> tuple[Budget, Speed]:
    """The largest share of the default budget that this machine can read in the time left, and its speed."""
    _say("3/5", f"measure how fast this machine reads careers, {countdown.left:.0f} s left in all at most")
    whole = Budget()
    with countdown.showing("measure", TRIAL_SECONDS):
        began = time.monotonic()
        untuned.forecast(panel.draw("test", TRIAL, seed=seed))
        forecast = (time.monotonic() - began) / TRIAL
        training = replace(whole.training, validate_every=1)
        trial = LanguageModel(base=whole.base, valid_careers=1, training=training)
        tuned = trial.fit(panel.with_training(1 + TRIAL, seed=seed), seed=seed)
    assert isinstance(tuned, FittedLanguageModel)
    warmed_up = tuned.curve[1].seconds  # after the first career, which takes longer than any other
    speed = Speed(tuned=(tuned.curve[-1].seconds - warmed_up) / TRIAL, forecast=forecast)
    chosen = whole.within(countdown.left * SLACK, speed)
    countdown.plan(speed.takes(chosen))
    return chosen, speed


def _careers(chosen: Budget, whole: Budget) -> str:
    planned = f" ({whole.training_careers} on a faster machine)" if chosen != whole else ""
    return f"{chosen.training_careers} careers{planned}"


def _say(step: str, what: str) -> None:
    print(f"[{step}] {what}", file=sys.stderr, flush=True)
