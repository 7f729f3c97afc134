"""The Panel Study of Income Dynamics as its archive hands it out."""
