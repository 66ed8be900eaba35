"""What the business says: one folder per noun; a file's name is its registration."""
