"""Tests of what each part adds to what is measured."""
