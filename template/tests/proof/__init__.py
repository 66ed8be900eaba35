"""Tests of what proves the service."""
