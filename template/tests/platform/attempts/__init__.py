"""Tests of attempts to guess a password."""
