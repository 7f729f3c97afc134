"""The classification head over titles: offset logits, history features, the network, its training."""
