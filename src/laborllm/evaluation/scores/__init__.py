"""What is known of records, in memory or in files: a few numbers of a forecast each, their cells and clusters."""
