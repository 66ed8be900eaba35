"""Sessions: proving who you are, staying signed in, signing out."""
