"""What a fit leaves behind: the run folder, its options, its lineage and its card."""
