"""One folder for each outside system: its settings, its client, and `part.py`, its lifespan, if it stays open."""
