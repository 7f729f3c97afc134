"""The exact probability of every title: a prefix tree of titles, expanded from each prompt."""
