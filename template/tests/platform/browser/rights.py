"""Sessions in the cookies of a browser."""

import httpx

from tests.platform.browser.test_browser import ACCESS_COOKIE, LOGIN, REFRESH, REFRESH_COOKIE
from tests.security.rights import Credential, Nature, Somebody, Use, items


def _cookies(of: Somebody) -> dict[str, str]:
    answer = of.connect().post(LOGIN, json=of.credentials | of.also())
    assert answer.status_code == 200, answer.text
    return dict(each.partition(";")[0].split("=", 1) for each in answer.headers.get_list("set-cookie"))


def _access(of: Somebody) -> Use:
    headers = {"cookie": f"{ACCESS_COOKIE}={_cookies(of)[ACCESS_COOKIE]}"}
    return lambda client: items(client, headers)


def _refresh(of: Somebody) -> Use:
    headers = {"cookie": f"{REFRESH_COOKIE}={_cookies(of)[REFRESH_COOKIE]}"}

    def use(client: httpx.Client) -> httpx.Response:
        answer = client.post(REFRESH, headers=headers)
        if answer.status_code != 200:
            return answer
        access = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(ACCESS_COOKIE))
        client.cookies.clear()
        return items(client, {"cookie": access.partition(";")[0]})

    return use


CREDENTIALS = (
    Credential("cookie with an access token", Nature.SESSION, _access),
    Credential("cookie with a refresh token", Nature.RENEWAL, _refresh, once=True),
)
