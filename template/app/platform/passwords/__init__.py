"""Passwords: changing one's own, and choosing a new one with a link that was mailed."""
