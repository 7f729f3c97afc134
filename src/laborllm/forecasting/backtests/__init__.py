"""Forecasts of the past, scored on what happened since."""

from laborllm.forecasting.backtests.backtest import Backtest, backtest

__all__ = ["Backtest", "backtest"]
