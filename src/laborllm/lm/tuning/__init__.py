"""Fine-tuning a base model on career texts."""
