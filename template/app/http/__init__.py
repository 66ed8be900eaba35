"""What happens to every request, one concern a file; stack.py is the order."""
