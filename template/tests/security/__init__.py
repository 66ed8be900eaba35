"""Attacks over HTTP that are not about one noun."""
