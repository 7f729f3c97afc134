"""A panel as index tensors, and the tables of vectors that they look up."""
