"""What the part `browser` adds."""
