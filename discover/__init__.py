"""Discover: read an existing backend, and answer the template's questions from what is there, with evidence."""
