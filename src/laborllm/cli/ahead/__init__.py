"""The verbs that look ahead: forecasts, years to come, groups, what-if and backtests."""
