"""API keys: what machines authenticate with, each limited to some permissions of its owner."""
