"""Resumes: jobs with dates and free-text titles -> one record per worker and year."""

from laborllm.sources.resumes.source import import_resumes, write_resumes

__all__ = ["import_resumes", "write_resumes"]
