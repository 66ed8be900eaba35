"""What signs in and keeps signed in."""

import httpx

from tests.security.rights import LOGIN, Credential, Nature, Somebody, Use, bearer, items, then_items


def _access(of: Somebody) -> Use:
    headers = bearer(of.sign_in()["access_token"])
    return lambda client: items(client, headers)


def _refresh(of: Somebody) -> Use:
    sent = {"refresh_token": of.sign_in()["refresh_token"]}
    return lambda client: then_items(client, client.post("/v1/auth/refresh", json=sent))


def _password(of: Somebody) -> Use:
    sent, also = of.credentials, of.also
    return lambda client: then_items(client, client.post(LOGIN, json=sent | also()))


def _password_again(of: Somebody) -> Use:
    headers = bearer(of.sign_in()["access_token"])
    sent = {"current_password": of.password, "new_password": "9 violet kettles"}

    def use(client: httpx.Client) -> httpx.Response:
        return client.post("/v1/passwords/change", json=sent, headers=headers)

    return use


CREDENTIALS = (
    Credential("access token", Nature.SESSION, _access),
    Credential("refresh token", Nature.RENEWAL, _refresh, once=True),
    Credential("password", Nature.PASSWORD, _password, hashes=True),
    Credential("password, asked again in a session", Nature.SESSION, _password_again, once=True, hashes=True),
)
