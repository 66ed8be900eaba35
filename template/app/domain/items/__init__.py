"""Items: the living example, and what `make domain` copies."""
