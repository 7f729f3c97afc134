"""Where a long result is computed: in this process, in several of this machine, or on a Ray cluster."""
