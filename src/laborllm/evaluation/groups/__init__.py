"""Groups of records to evaluate by: what happened, who the worker is, how long the career so far, any column."""
