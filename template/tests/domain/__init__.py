"""Tests of the nouns, one folder each."""
