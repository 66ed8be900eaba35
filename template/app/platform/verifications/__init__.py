"""Verifications: proof that an account has the address it was made with."""
