"""Access tokens as a credential: in the Authorization header, where no other kind begins as this one does."""

from datetime import timedelta

from fastapi import FastAPI

from app import defaults
from app.kit import routing, state
from app.kit.access import Restrictions
from app.platform.auth.tokens import AccessTokens, Tokens
from app.settings import Settings


def authenticator(app: FastAPI) -> AccessTokens:
    """Made once for a service, with what issues and verifies its tokens."""
    settings = state.find(app, Settings)
    tokens = Tokens(
        settings.signing_seeds,
        issuer=defaults.PROJECT_SLUG,
        lifetime=settings.access_lifetime,
        longest=timedelta(seconds=defaults.ACCESS_TOKEN_SECONDS),
        settling=settings.settling(routing.longest(app)),
    )
    state.keep(app, tokens)
    return AccessTokens(tokens, state.find(app, Restrictions))
