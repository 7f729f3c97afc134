"""What the models over index sequences share: careers as tensors, the two-stage likelihood, fitting and storing."""
