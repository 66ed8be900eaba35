"""Members: the accounts that belong to a company."""
