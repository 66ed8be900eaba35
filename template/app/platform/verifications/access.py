"""Who may verify addresses."""

from app.kit.access import public

ASK = public("whoever waits for the mail may not be able to sign in yet", attempts=True)
HAS_LINK = public("the secret in the mailed link is the proof")
