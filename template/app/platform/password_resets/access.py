"""Who may reset passwords."""

from app.kit.access import public

FORGOT = public("whoever has lost the password can't sign in", attempts=True)
HAS_LINK = public("the secret in the mailed link is the proof")
