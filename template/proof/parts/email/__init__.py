"""What the part `email` adds."""
