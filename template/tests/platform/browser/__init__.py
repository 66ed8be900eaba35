"""Tests of sessions in browsers."""
