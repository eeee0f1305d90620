"""What is shown: tables, figures, claims and the page, all from records."""
