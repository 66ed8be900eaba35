"""Tests of your nouns, one folder each; an update edits none that you add."""
