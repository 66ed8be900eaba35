"""Tests of what measures: what it measures is broken here on purpose, and it says so."""
