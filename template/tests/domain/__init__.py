"""Tests of your nouns, one folder each; an update never edits this room."""
