"""What the part `api_keys` adds."""
