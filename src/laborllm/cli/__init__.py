"""The command line: each verb a thin call of one library function, imported when the verb runs."""

from laborllm.cli.main import app, main

__all__ = ["app", "main"]
