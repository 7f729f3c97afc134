"""The error that people of a group share: futures with a known one are covered, and hand computations."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli.commands import laborllm
from forecasting.test_shares import PATHS, cell, simulation
from laborllm.errors import InputError, PanelError
from laborllm.forecasting.groups.common_error import SHIPPED_ERRORS, SHOWN, CommonError, common_error_of
from laborllm.forecasting.groups.shares import group_shares
from laborllm.panel import Panel

WIDTH = 1.6448536
PEOPLE, CHANCE = 2000, 0.4


def rates_with(relative: float, counts: int, seed: int) -> pl.DataFrame:
    """Counts of 2,000 people whose probability is off by a normal number in every cell, as a backtest has them."""
    generator = np.random.default_rng(seed)
    horizon = generator.integers(1, 10, counts)
    off = relative * np.sqrt(horizon) * generator.standard_normal(counts)
    observed = generator.binomial(PEOPLE, np.clip(CHANCE * (1 + off), 0, 1))
    chance = np.sqrt(PEOPLE * CHANCE * (1 - CHANCE))
    expected = np.full(counts, PEOPLE * CHANCE)
    columns = {"model": ["m"] * counts, "horizon": horizon, "observed": observed, "expected": expected}
    ends = {"low": np.floor(expected - WIDTH * chance), "high": np.ceil(expected + WIDTH * chance)}
    return pl.DataFrame(columns | ends)


def test_a_known_error_is_found_and_covered() -> None:
    """Calibrated on counts of the past, intervals hold nine in ten of other counts; those of chance hold few."""
    found = CommonError.from_rates(rates_with(0.06, 600, 0), "m")
    assert found.relative == pytest.approx(0.06, rel=0.15)
    assert found.counts == 600
    later = rates_with(0.06, 2000, 1)
    chance = np.sqrt(PEOPLE * CHANCE * (1 - CHANCE))
    sizes = np.sqrt(chance**2 + (found.relative * PEOPLE * CHANCE) ** 2 * later["horizon"].to_numpy())
    off = np.abs(later["observed"].to_numpy() - PEOPLE * CHANCE)
    assert SHOWN - 0.03 < (off <= WIDTH * sizes).mean() < SHOWN + 0.03
    assert (off <= WIDTH * chance).mean() < 0.5


def test_no_error_is_found_where_there_is_chance_only() -> None:
    assert CommonError.from_rates(rates_with(0.0, 400, 2), "m").relative < 0.01


def test_futures_are_spread_by_what_the_formula_says() -> None:
    drawn = np.random.default_rng(0).binomial(1000, 0.3, (20_000, 2, 1))
    spread = CommonError(0.1, counts=10).spread(drawn, np.full((2, 1), 300.0), np.array([1.0, 4.0]), 1000, seed=1)
    expected = np.sqrt(1000 * 0.3 * 0.7 + (0.1 * np.sqrt([1, 4]) * 300) ** 2)
    np.testing.assert_allclose(spread[:, :, 0].std(axis=0), expected, rtol=0.02)
    assert spread.dtype == np.int64  # a page writes whole people
    everybody = CommonError(1.0, counts=10).spread(drawn[:50], np.full((2, 1), 900.0), np.ones(2), 1000, seed=1)
    assert everybody.min() == 0
    assert everybody.max() == 1000


def test_intervals_of_a_group_are_wider_and_say_so() -> None:
    paths = simulation(np.tile(PATHS, (40, 25, 1)))  # 200 people on 100 paths, origin 2024
    plain, wide = group_shares(paths), group_shares(paths, common_error=CommonError(0.2, counts=100))
    assert wide["holds"].unique().to_list() == ["draws, common error"]
    assert plain.drop("low", "high", "holds").equals(wide.drop("low", "high", "holds"))
    for year, ahead in ((2025, 1), (2027, 3)):
        row, before = cell(wide, year, "1"), cell(plain, year, "1")
        drawn = (paths.occupation[:, :, 0 if year == 2025 else 1] == 0).sum(axis=0)
        sd = np.sqrt(drawn.var() + (0.2 * row["count"]) ** 2 * ahead)
        assert row["high"] - row["low"] == pytest.approx(2 * WIDTH * sd, rel=0.2)
        assert row["high"] - row["low"] > before["high"] - before["low"]


def test_rates_that_calibrate_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PanelError, match=r"0 counts of 'other' .* rates are of m"):
        CommonError.from_rates(rates_with(0.1, 50, 0), "other")
    with pytest.raises(PanelError, match="8 counts of 'm'"):
        CommonError.from_rates(rates_with(0.1, 8, 0), "m")
    wrong = (("rates.txt", "a", "no table of rates"), ("other.csv", "a,b\n1,2\n", "no table of rates"))
    for name, content, message in (*wrong, ("none.csv", None, "no file of rates at ")):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=message):
            common_error_of(Path("run"), tmp_path / name)
    assert common_error_of(tmp_path / "run", None) is None


def test_the_model_that_comes_with_laborllm_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = common_error_of(Path("nlsy"), None)
    assert found is not None
    assert 0 < found.relative < 0.5
    assert SHIPPED_ERRORS.exists()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nlsy").mkdir()  # a run folder of that name is another model
    assert common_error_of(Path("nlsy"), None) is None


def test_a_group_reads_the_rates_of_a_backtest(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    panel.save(tmp_path / "panel.parquet")
    assert laborllm("fit transition panel.parquet --out run") == 0
    rates_with(0.1, 100, 0).with_columns(model=pl.lit("run")).write_csv("rates.csv")
    command = "group run panel.parquet --years 2005 --draws 50"
    assert laborllm(f"{command} --rates rates.csv --page page.html") == 0
    assert "intervals hold: draws, common error" in capsys.readouterr().err
    assert "draws, common error" in Path("page.html").read_text()
    assert laborllm(command) == 0
    assert "intervals hold: draws\n" in capsys.readouterr().err
    assert laborllm(f"{command} --rates panel.parquet") == 2
    assert "no table of rates" in capsys.readouterr().err
