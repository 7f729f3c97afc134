"""Careers as resume-like text, with the place of every title."""

from laborllm.text.preamble import after, preamble
from laborllm.text.template import CareerText, Template, render

__all__ = ["CareerText", "Template", "after", "preamble", "render"]
