"""What is said of a training while it runs: its loss, its speed, and the share of what the machine could do."""
