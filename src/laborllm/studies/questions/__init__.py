"""The questions of the study: what models forecast, and what they are trained on."""
