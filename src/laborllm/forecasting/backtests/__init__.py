"""Forecasts of the past, scored on what happened since."""

from laborllm.forecasting.backtests.backtest import backtest

__all__ = ["backtest"]
