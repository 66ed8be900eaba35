"""What operations may take as a parameter: `passwords: Passwords`."""

from typing import Annotated

from app.kit import passwords
from app.kit.state import kept

Passwords = Annotated[passwords.Passwords, kept(passwords.Passwords)]
"""Hashes and checks passwords."""
