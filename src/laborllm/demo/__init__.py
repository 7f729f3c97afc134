"""The whole path on public data in minutes, within a budget that fits the speed of the machine."""

from laborllm.demo.budget import Budget
from laborllm.demo.run import run_demo

__all__ = ["Budget", "run_demo"]
