"""Tests of the template's nouns, one folder each; an update merges what is new."""
