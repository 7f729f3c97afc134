"""What a client sends, as what a model reads: careers, lists of people, job titles."""
