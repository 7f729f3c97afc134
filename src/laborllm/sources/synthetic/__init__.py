"""Synthetic careers: people who do not exist, drawn from a law that is known, so that the best possible forecast is."""

from laborllm.sources.synthetic.law import TrueLaw
from laborllm.sources.synthetic.market import Market, StateOdds
from laborllm.sources.synthetic.people import draw_people
from laborllm.sources.synthetic.source import DRAWN_STATES, import_synthetic

__all__ = ["DRAWN_STATES", "Market", "StateOdds", "TrueLaw", "draw_people", "import_synthetic"]
