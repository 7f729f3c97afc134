"""Questions that take several models and one table: each study fits what it needs and says what came of it."""
