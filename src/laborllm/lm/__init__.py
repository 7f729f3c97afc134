"""Language models: base models, fine-tuning on career texts, and exact probabilities of titles."""
