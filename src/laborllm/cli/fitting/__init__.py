"""The verbs that fit, and how the fields of a spec become their options."""
