"""Accounts: who may use the service."""
