"""What proves the service, and helps to change it. Nothing of it runs in production."""
