"""Tests of resetting passwords."""
