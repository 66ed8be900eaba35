"""Attempts to guess a password: counted before the password is looked at, and answered ever more slowly."""
