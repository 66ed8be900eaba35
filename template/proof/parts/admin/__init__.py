"""What the part `admin` adds."""
