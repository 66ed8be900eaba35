"""Tests of verifications."""
