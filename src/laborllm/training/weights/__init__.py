"""How weights move from step to step, and their average."""
