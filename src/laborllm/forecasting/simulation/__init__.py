"""Careers continued over years to come: drawn record by record, or exactly two years ahead."""
