"""Tests of the public keys."""
