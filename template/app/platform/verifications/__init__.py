"""Verifications: whether an account has the address it was made with, and what that is needed for."""
