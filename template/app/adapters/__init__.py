"""One file per outside system: its settings, its client, its part."""
