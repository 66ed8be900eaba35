"""What the part `second_factor` adds."""
