"""A page of this site opens a WebSocket with its cookies, and no page of another one does."""

import re

from fastapi import WebSocket

from app.kit import routing
from app.platform.accounts.access import CanReadOwnAccount
from tests.conftest import PASSWORD, Start, new_address
from tests.platform.websockets.talk import opened, refused

PATH = "/v1/sockets"


def test_a_page_of_this_site_opens_one_and_no_other_does(start: Start) -> None:
    router = routing.router(PATH, "sockets")

    @router.websocket("")
    async def who(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Say who it is."""
        await websocket.accept()
        await websocket.send_text(str(caller.account_id))

    service = start(router)
    person = {"email": new_address(), "password": PASSWORD}
    with service.connect() as page:
        assert page.post("/v1/accounts", json=person).status_code == 202
        answer = page.post("/v1/auth/browser/login", json=person, headers={"Origin": service.url})
        assert answer.status_code == 200
    found = re.search(r"__Host-access=[^;]+", answer.headers["set-cookie"])
    assert found is not None
    cookie = {"Cookie": found[0]}

    with opened(service, PATH, headers=cookie, origin=service.url) as talking:
        assert talking.recv(20)
    assert refused(opened(service, PATH, headers=cookie, origin="https://evil.example"))[0] == 403
    assert refused(opened(service, PATH, origin=service.url))[0] == 401
