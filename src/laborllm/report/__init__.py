"""Numbers to pages: tables, figures, the terminal and one self-contained HTML file."""
