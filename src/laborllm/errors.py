"""Everything laborllm raises on purpose: one line that says what was found, where, and what would be right."""


class LaborLLMError(Exception):
    """Root of the project's errors. The command line prints its message and exits with code 2."""


class TaxonomyError(LaborLLMError):
    """A taxonomy or crosswalk that is malformed, unknown, or clashes with a tokenizer."""


class PanelError(LaborLLMError):
    """Records that do not form a panel."""


class SourceError(LaborLLMError):
    """A raw file or mapping that cannot be read as asked."""


class ModelError(LaborLLMError):
    """A base model, run folder or option that cannot be used."""


class StorageError(LaborLLMError):
    """A file or folder that cannot be written, or was not written completely."""
