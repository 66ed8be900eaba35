"""`make upgrade`: what is new in the template, merged into what was written here."""
