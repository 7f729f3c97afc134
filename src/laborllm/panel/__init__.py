"""The panel: the one data structure of careers, its checks, its split and its summary."""

from laborllm.panel.panel import Panel, Provenance
from laborllm.panel.split import assign_split

__all__ = ["Panel", "Provenance", "assign_split"]
