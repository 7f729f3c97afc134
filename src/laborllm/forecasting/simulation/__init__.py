"""Careers continued over years to come: drawn record by record, or exactly two years ahead."""

from laborllm.forecasting.simulation.simulate import Simulation, simulate
from laborllm.forecasting.simulation.two_years import two_years_ahead
from laborllm.forecasting.simulation.what_if import Difference, what_if

__all__ = ["Difference", "Simulation", "simulate", "two_years_ahead", "what_if"]
