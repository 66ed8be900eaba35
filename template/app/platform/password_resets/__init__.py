"""Password resets: choosing a new password with a link that was mailed."""
