"""A study made citable: a plan that is frozen, its confirmation on fresh splits, and the replication package."""
