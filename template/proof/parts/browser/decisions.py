"""SEC-8: a browser's way in and out."""

from collections.abc import Iterator

from proof.standards.context import Answered, Context, Json, body


def called(context: Context) -> Iterator[Answered]:
    """Sign in, refused and granted, renew, sign out; the cookies are `Secure`, so here they are sent by hand."""
    credentials = context.join()
    with context.client() as client:
        client.headers["sec-fetch-site"] = "same-origin"

        def post(path: str, content: Json | None = None, cookies: str = "", csrf: object = "") -> Answered:
            headers = {"cookie": cookies, "x-csrf-token": str(csrf)} if cookies else None
            client.cookies.clear()
            return Answered(f"POST {path}", client.post(path, json=content, headers=headers))

        yield post("/v1/auth/browser/login", credentials | {"password": "not the password"})
        yield (login := post("/v1/auth/browser/login", credentials))
        yield (renewed := post("/v1/auth/browser/refresh", cookies=_cookies(login)))
        csrf = body(renewed.answer).get("csrf_token")
        yield post("/v1/auth/browser/logout", cookies=_cookies(renewed), csrf=csrf)


def _cookies(called: Answered) -> str:
    return "; ".join(each.partition(";")[0] for each in called.answer.headers.get_list("set-cookie"))
