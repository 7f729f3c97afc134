"""Sources: raw files become a panel, one file per source."""

from laborllm.sources.career_layout import export_career, import_career
from laborllm.sources.nls.nlsy79 import import_nlsy79
from laborllm.sources.nls.nlsy97 import import_nlsy97
from laborllm.sources.nlswork import import_nlswork
from laborllm.sources.people import People, PeopleOptions, read_people
from laborllm.sources.psid.psid import import_psid
from laborllm.sources.resumes import ResumeOptions, import_resumes, write_resumes
from laborllm.sources.synthetic import import_synthetic
from laborllm.sources.table import import_query, import_table

__all__ = [
    "People",
    "PeopleOptions",
    "ResumeOptions",
    "export_career",
    "import_career",
    "import_nlswork",
    "import_nlsy79",
    "import_nlsy97",
    "import_psid",
    "import_query",
    "import_resumes",
    "import_synthetic",
    "import_table",
    "read_people",
    "write_resumes",
]
