"""The steps of a forward and a backward pass: attention, norms, adapters, the loss."""
