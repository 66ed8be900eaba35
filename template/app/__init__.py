"""The service. docs/architecture.md draws the house; AGENTS.md says which room a change belongs in."""
