"""What many sources read: raw files, fixed-width columns, databases, and their values."""
