"""Measures the service in front of you against its register, standards.toml: `make standards`."""
