"""Tests of the channel manager."""
