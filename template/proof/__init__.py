"""The proof: what measures the service, and merges the template into it; README.md lists it. It is not deployed."""
