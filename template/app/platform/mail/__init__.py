"""Mail: what is to be sent is written down in the same transaction as its reason, and sent afterwards."""
