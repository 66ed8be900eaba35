"""Your nouns, one folder each; an update edits none that you add. A file's name is its registration."""
