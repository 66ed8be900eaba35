"""What is held about a person: theirs to have, and theirs to have erased."""
