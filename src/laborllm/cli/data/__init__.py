"""Verbs on data: import, describe, render, mix, export, and the coding of titles."""
