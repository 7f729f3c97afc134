"""The verb that scores forecasts of the past on what happened since."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from laborllm.cli.ahead.people import Draws
from laborllm.cli.naming import paths_by_name
from laborllm.cli.options import PanelFile, Seed, Split
from laborllm.cli.places import TO_FILE

if TYPE_CHECKING:
    from laborllm.forecasting.backtests.backtest import Backtest


def backtest(
    runs: list[str],
    panel: PanelFile,
    /,
    *,
    origins: list[int],
    horizon: int = 5,
    out: Annotated[Path | None, TO_FILE] = None,
    rates: Annotated[Path | None, TO_FILE] = None,
    page: Annotated[Path | None, TO_FILE] = None,
    split: Split = "test",
    workers: int | None = None,
    draws: Draws = 200,
    seed: Seed = 0,
    refits: list[Path] | None = None,
    common_error: Path | None = None,
) -> None:
    """Score forecasts of several years ahead, made at origins in the past, on what happened since.

    Naive forecasts are scored too: constant state, constant share, and Markov chains of first and second order.

    Example: `laborllm backtest run panel.parquet --origins 1978 1982 --horizon 6 --page backtest.html`

    Args:
        runs: Run folders; the tables call each by the name of its folder, or by NAME where NAME=RUN is given.
        origins: Years at which forecasts are made.
        horizon: How many years ahead.
        out: Table of scores to write: its name says the format: .parquet, .csv or .dta.
        rates: Table of modelled and observed counts by age and group to write.
        page: HTML page to write, complete in one file.
        split: Whose careers are forecast.
        workers: Forecast this many of them, drawn at random.
        refits: Run folders of the first model fitted with `--resampled`: it forecasts with their mean and its own, and
            intervals hold them.
        common_error: Rates that this verb wrote of these models, on people who are not tested: intervals of counts then
            hold the error that all people of a group share.
    """
    from laborllm import api
    from laborllm.forecasting.backtests.backtest import backtest as score
    from laborllm.forecasting.export import require_table
    from laborllm.forecasting.groups.common_error import CommonError, read_rates
    from laborllm.report.pages.backtest import score_lines

    for path in (out, rates):
        if path is not None:
            require_table(path, "long", None)
    careers = api.read_panel(panel)
    models = {name: api.load(path) for name, path in paths_by_name(runs).items()}
    known = None if common_error is None else read_rates(common_error)
    found = score(
        models,
        careers,
        origins=origins,
        horizon=horizon,
        split=split,
        workers=workers,
        draws=draws,
        seed=seed,
        refits={next(iter(models)): [api.load(path) for path in refits or ()]},
        common_error={} if known is None else {name: CommonError.from_rates(known, name) for name in models},
    )
    _write(found, out, rates, page, careers.dataset)
    print("\n".join(score_lines(found.scores, found.coverage)))


def _write(found: "Backtest", out: Path | None, rates: Path | None, page: Path | None, dataset: str) -> None:
    """Write the tables and the page that are asked for."""
    from laborllm.forecasting.table_files import write_table
    from laborllm.report.pages.backtest import write_backtest_page
    from laborllm.report.pages.outputs import outputs_of_backtest
    from laborllm.storage import make_folder

    of_scores, of_rates, _ = outputs_of_backtest(found.scores, found.rates, found.coverage)
    for path, table, output in ((out, found.scores, of_scores), (rates, found.rates, of_rates)):
        if path is not None:
            make_folder(path.resolve().parent)
            write_table(table, path, outputs=[output])
            print(f"{path}: {len(table):,} rows", file=sys.stderr)
    if page is not None:
        make_folder(page.resolve().parent)
        write_backtest_page(page, found.scores, found.rates, found.coverage, dataset=dataset)
        print(f"{page}: open it in a browser", file=sys.stderr)
