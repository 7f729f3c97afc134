"""Speed on this machine, beside the tools that others would use for the same: each runner in a process of its own."""
