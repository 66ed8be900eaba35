"""Sends what schemathesis makes up from the OpenAPI document: a little in `make check`, much in `make standards`."""
