"""The tests of the service: over HTTP, against a real PostgreSQL. The folders mirror app/."""
