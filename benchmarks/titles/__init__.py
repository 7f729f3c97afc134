"""Coding of job titles: what the coder is fitted on, how it is fitted, and how often it is right."""
