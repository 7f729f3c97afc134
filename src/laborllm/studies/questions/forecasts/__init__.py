"""Questions about what models forecast of whom, and how sure they are."""
