"""Questions about what models are trained on: titles, numbers of careers, other panels."""
