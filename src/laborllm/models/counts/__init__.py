"""Models that count: transition frequencies, shrunk toward what is known of more records."""
