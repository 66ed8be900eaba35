"""Signing in over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import answers
from app.kit.pagination import Cursor, Page, PageSize
from app.platform.accounts.dependencies import Passwords
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.auth import service
from app.platform.auth.access import (
    RENEW,
    SIGN_IN,
    CanEndOwnSessions,
    CanReadOwnSessions,
    CanSignOut,
)
from app.platform.auth.challenges import LOGIN_ERRORS, LoginBody
from app.platform.auth.dependencies import Device, Tokens
from app.platform.auth.errors import (
    NoSession,
    RefreshTokenRefused,
    RefreshTokenReused,
    SessionNotFound,
)
from app.platform.auth.schemas import Refresh, SessionRead, TokenPair

router = routing.router("/v1/auth", "auth")


@router.post(
    "/login",
    dependencies=[SIGN_IN],
    responses=answers(*LOGIN_ERRORS),
)
async def log_in(
    data: LoginBody,
    *,
    session: Session,
    reader: Reader,
    passwords: Passwords,
    tokens: Tokens,
    device: Device,
    guesses: AttemptCounter,
) -> TokenPair:
    """Sign in.

    Answers an access token for `Authorization: Bearer …` and a refresh token that renews it. After several wrong
    passwords the next attempt has to wait, as `Retry-After` says.
    """
    grant = await service.login(session, reader, passwords, tokens, data, device=device, guesses=guesses)
    return service.pair(grant)


@router.post("/refresh", dependencies=[RENEW], responses=answers(RefreshTokenRefused, RefreshTokenReused))
async def refresh_session(data: Refresh, session: Session, tokens: Tokens) -> TokenPair:
    """Trade a refresh token for a new pair.

    Each refresh token is good for one use. A second use means that somebody has a copy: the whole session ends.
    """
    return service.pair(await service.refresh(session, tokens, data.refresh_token.get_secret_value()))


@router.post("/logout", status_code=204, responses=answers(NoSession))
async def log_out(caller: CanSignOut, session: Session, tokens: Tokens) -> None:
    """Sign out.

    Ends this session: all of its tokens are refused, by every instance within two seconds.
    """
    return await service.logout(session, tokens, caller)


@router.get("/sessions")
async def list_sessions(
    caller: CanReadOwnSessions, reader: Reader, limit: PageSize = 20, cursor: Cursor = None
) -> Page[SessionRead]:
    """List your open sessions.

    Newest first. End one that you do not recognise, and change your password.
    """
    return await service.sessions(reader, limit, cursor, caller)


@router.delete("/sessions/{session_id}", status_code=204, responses=answers(SessionNotFound))
async def end_session(
    sign_in_id: Annotated[UUID, Path(alias="session_id")], caller: CanEndOwnSessions, session: Session, tokens: Tokens
) -> None:
    """End one of your sessions.

    All of its tokens are refused, by every instance within two seconds.
    """
    return await service.end_one(session, tokens, sign_in_id, caller)


@router.delete("/sessions", status_code=204)
async def end_sessions(
    caller: CanEndOwnSessions,
    session: Session,
    tokens: Tokens,
    keep_current: Annotated[bool, Query(description="Whether the session of this request stays open")] = False,  # noqa: FBT002 - a query parameter has a name
) -> None:
    """End all of your sessions.

    Signs you out everywhere, here too unless `keep_current` is true.
    """
    return await service.end_all(session, tokens, caller.account_id, caller.session_id if keep_current else None)
