"""One training loop for all that is trained by gradient: order of data, rates, stopping. It knows no careers."""
