"""Careers as resume-like text, with the place of every title."""

from laborllm.text.in_context import after, in_context_prefix
from laborllm.text.template import CareerText, Template, render

__all__ = ["CareerText", "Template", "after", "in_context_prefix", "render"]
