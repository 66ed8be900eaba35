"""The keys that this service publishes verify the tokens that it issues."""

import httpx
import jwt

from tests.wire import body, header, rows


def test_the_published_keys_verify_what_was_issued(client: httpx.Client, someone: httpx.Client) -> None:
    response = client.get("/.well-known/jwks.json")
    published = rows(response, "keys")

    assert header(response, "cache-control") == "public, max-age=300"
    assert [sorted(each) for each in published] == [["alg", "crv", "kid", "kty", "use", "x"]]
    token = someone.headers["authorization"].removeprefix("Bearer ")
    found = jwt.PyJWKSet.from_dict(body(response))[str(jwt.get_unverified_header(token)["kid"])]
    assert jwt.decode(token, found, algorithms=["EdDSA"], options={"verify_aud": False})["sub"]
