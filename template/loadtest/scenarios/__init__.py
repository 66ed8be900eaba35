"""Yours: what people do, one noun a file, found by its name. An update merges what is new in items.py alone."""
