"""A forecast reduced to a few numbers a record, in memory or in files."""
