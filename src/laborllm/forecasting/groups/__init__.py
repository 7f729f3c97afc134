"""Many workers together, and occupations as they see them: shares by year, next steps, feeders, similar occupations."""

from laborllm.forecasting.groups.shares import group_shares

__all__ = ["group_shares"]
