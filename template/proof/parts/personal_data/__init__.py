"""What the part `personal_data` adds."""
