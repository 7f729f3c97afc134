"""Pages, each complete in one file: of an evaluation, a panel, a backtest, people."""
