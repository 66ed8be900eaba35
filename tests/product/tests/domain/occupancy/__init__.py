"""Tests of occupancy."""
