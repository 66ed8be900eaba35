"""What an address that nobody has confirmed is not good for; each says its own status."""

from app.kit.errors import Forbidden


class EmailNotVerified(Forbidden, keeps_writes=True):
    """Confirm your e-mail address first: open the link that was mailed to it, or ask for another one."""
