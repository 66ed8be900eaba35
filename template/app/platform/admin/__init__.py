"""Administration: other people's accounts, and what the audit trail says."""
