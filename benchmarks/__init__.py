"""Speed on this machine, next to other tools for the same: each runner in a process of its own."""
