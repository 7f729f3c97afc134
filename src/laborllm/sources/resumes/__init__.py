"""Resumes: jobs with dates and free-text titles -> one record per worker and year."""

from laborllm.sources.resumes.import_resumes import Written, import_resumes, write_resumes
from laborllm.sources.resumes.options import ResumeOptions

__all__ = ["ResumeOptions", "Written", "import_resumes", "write_resumes"]
