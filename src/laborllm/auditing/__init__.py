"""How much a model tells of the people it was trained on: membership, canaries, extraction, and a page."""
