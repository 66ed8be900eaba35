"""The audit trail: who changed what, and who was let in. The database writes it with each change."""
