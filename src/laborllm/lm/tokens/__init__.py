"""Careers as tokens: where every title stands, and how careers share a pass."""
