"""The panel: the one data structure of careers, its checks, its split and its summary."""

from laborllm.panel.mixing import Addition, mix
from laborllm.panel.panel import Panel, Provenance
from laborllm.panel.split import assign_split

__all__ = ["Addition", "Panel", "Provenance", "assign_split", "mix"]
