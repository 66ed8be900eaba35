"""Passwords: changing one's own, and proving once more who is asking."""
