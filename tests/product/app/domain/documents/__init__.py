"""Documents: files that belong to a booking."""
