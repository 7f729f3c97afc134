"""One training loop for all models trained by gradient: order of data, rates, early stopping. It knows no careers."""
