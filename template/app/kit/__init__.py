"""What could move to another company unchanged."""
