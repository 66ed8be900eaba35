"""The service. docs/architecture.md draws its layers; AGENTS.md says where a change belongs."""
