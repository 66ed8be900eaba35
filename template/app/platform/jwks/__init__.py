"""The public keys of this service, for others that get to see its access tokens."""
