"""How a study runs: its file, the versions of panels, the runs and their cache, the questions, and what is written."""
