"""Tests of the kit, where HTTP alone would not reach every case."""
