"""Synthetic careers: people who do not exist, whose data-generating process (DGP) is known."""

from laborllm.sources.synthetic.dgp import DataGeneratingProcess
from laborllm.sources.synthetic.parameters import DgpParameters, StateOdds
from laborllm.sources.synthetic.people import draw_people
from laborllm.sources.synthetic.source import DRAWN_STATES, import_synthetic

__all__ = ["DRAWN_STATES", "DataGeneratingProcess", "DgpParameters", "StateOdds", "draw_people", "import_synthetic"]
