"""What people do, one noun a file: the file's name is its registration."""
