"""The panel: the one data structure of careers, its checks, its split and its summary."""

from laborllm.panel.facts import Provenance
from laborllm.panel.panel import Panel
from laborllm.panel.pooling import Addition, mix
from laborllm.panel.split import assign_split, default_split
from laborllm.panel.states import coarsen, over

__all__ = ["Addition", "Panel", "Provenance", "assign_split", "coarsen", "default_split", "mix", "over"]
