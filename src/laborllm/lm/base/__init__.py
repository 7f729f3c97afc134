"""Base models: loading them, their weights, and tokens added to them."""
