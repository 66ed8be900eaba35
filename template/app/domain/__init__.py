"""Your nouns, one folder each; an update never edits this room. A file's name is its registration."""
