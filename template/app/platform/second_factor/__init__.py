"""The second factor: codes of an authenticator app, and recovery codes for whoever has lost it."""
