"""What the statements of the repositories cost as tables grow: `make queries`; docs/queries.md explains it."""
