"""The forward pass of a decoder: careers in, hidden states and log-probabilities out."""
