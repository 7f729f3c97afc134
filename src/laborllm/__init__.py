"""laborllm: forecasts of a worker's next occupation from the career so far."""

from importlib.metadata import version

__version__ = version("laborllm")
