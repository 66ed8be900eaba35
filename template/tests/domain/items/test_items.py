"""Items over HTTP. A new noun starts with a copy of these tests."""

from functools import partial

import httpx
import pytest

from app.domain.items.schemas import ItemCreate, ItemUpdate
from tests.conftest import Sql
from tests.nouns import misfits, new
from tests.wire import Json, at_once, body, header, pointers, problem, rows

PATH = "/v1/items"
UNKNOWN = f"{PATH}/0190a0a0-0000-7000-8000-000000000000"


def create(client: httpx.Client, name: object = "Blue kettle", **fields: object) -> Json:
    """A new item of the client."""
    response = client.post(PATH, json={"name": name, **fields})
    assert response.status_code == 201, response.text
    return body(response)


def test_a_new_item_can_be_read(someone: httpx.Client) -> None:
    created = create(someone, description="Enamelled")

    read = someone.get(f"{PATH}/{created['id']}")

    assert read.status_code == 200
    assert body(read) == created
    assert created["name"] == "Blue kettle"
    assert created["description"] == "Enamelled"
    assert created["owner_id"] == body(someone.get("/v1/accounts/me"))["id"]


@pytest.mark.parametrize("name", ItemCreate.model_fields)
def test_what_was_posted_comes_back(someone: httpx.Client, name: str) -> None:
    sent = new(someone, PATH)

    created = create(someone, **sent)

    assert created[name] == sent[name]
    assert body(someone.get(f"{PATH}/{created['id']}"))[name] == sent[name]


@pytest.mark.parametrize("name", ItemUpdate.model_fields)
def test_what_was_patched_comes_back(someone: httpx.Client, name: str) -> None:
    address = f"{PATH}/{create(someone, **new(someone, PATH))['id']}"
    sent = new(someone, PATH)

    assert body(someone.patch(address, json={name: sent[name]}))[name] == sent[name]
    assert body(someone.get(address))[name] == sent[name]


@pytest.mark.parametrize("name", ItemCreate.model_fields)
def test_a_value_that_does_not_fit_is_refused(someone: httpx.Client, name: str) -> None:
    sent = new(someone, PATH)
    for value in misfits(ItemCreate, name):
        response = someone.post(PATH, json=sent | {name: value})

        _ = problem(response, 422, "invalid")
        assert all(str(each).startswith(f"#/{name}") for each in pointers(response))


def test_a_change_has_to_change_something(someone: httpx.Client) -> None:
    refused = someone.patch(f"{PATH}/{create(someone)['id']}", json={})

    assert f"name at least one field to change: {', '.join(ItemUpdate.model_fields)}" in refused.text


def test_a_description_may_be_left_out(someone: httpx.Client) -> None:
    assert create(someone)["description"] is None


def test_spaces_around_a_name_are_no_part_of_it(someone: httpx.Client) -> None:
    assert create(someone, "  Blue kettle ")["name"] == "Blue kettle"


def test_a_second_one_of_the_same_name_is_refused(someone: httpx.Client) -> None:
    _ = create(someone)

    _ = problem(someone.post(PATH, json={"name": "Blue kettle"}), 409, "name-taken")

    assert len(rows(someone.get(PATH))) == 1


def test_two_people_may_use_one_name(someone: httpx.Client, someone_else: httpx.Client) -> None:
    assert create(someone)["id"] != create(someone_else)["id"]


def test_twenty_racing_creations_of_one_name_give_one_201_and_nineteen_409(someone: httpx.Client, sql: Sql) -> None:
    answers = at_once([partial(someone.post, PATH, json={"name": "Only one"})] * 20)

    assert sorted(each.status_code for each in answers) == [201] + [409] * 19
    owner = body(someone.get("/v1/accounts/me"))["id"]
    assert sql("SELECT count(*) FROM items WHERE owner_id = $1", owner) == [{"count": 1}]


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({}, "#/name"),
        ({"name": ""}, "#/name"),
        ({"name": " "}, "#/name"),
        ({"name": "x" * 101}, "#/name"),
        ({"name": 7}, "#/name"),
        ({"name": None}, "#/name"),
        ({"name": "a\x00b"}, "#/name"),
        ({"name": "a\x85b"}, "#/name"),
        ({"name": "a\u2028b"}, "#/name"),
        ({"name": "invoice\u202efdp.exe"}, "#/name"),
        ({"name": "a\nb"}, "#/name"),
        ({"name": "a\x7fb"}, "#/name"),
        ({"name": "x", "description": "a\x00b"}, "#/description"),
        ({"name": "x", "description": "a\x1bb"}, "#/description"),
        ({"name": "x", "description": "x" * 2001}, "#/description"),
        ({"name": "x", "colour": "blue"}, "#/colour"),
        ({"name": "x", "id": UNKNOWN[-36:]}, "#/id"),
        ({"name": "x", "owner_id": UNKNOWN[-36:]}, "#/owner_id"),
        ({"name": "x", "version": 7}, "#/version"),
        ({"name": "x", "created_at": "2020-01-01T00:00:00Z"}, "#/created_at"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(someone: httpx.Client, sent: Json, where: str) -> None:
    response = someone.post(PATH, json=sent)

    _ = problem(response, 422, "invalid")
    assert pointers(response) == {where}
    assert rows(someone.get(PATH)) == []


def test_text_that_is_no_unicode_is_refused(someone: httpx.Client) -> None:
    response = someone.post(PATH, content=rb'{"name": "\ud800"}', headers={"content-type": "application/json"})

    _ = problem(response, 422, "invalid")


def test_a_description_keeps_its_lines(someone: httpx.Client) -> None:
    assert create(someone, description="one\n\ttwo 🫖")["description"] == "one\n\ttwo 🫖"


def test_one_that_does_not_exist_is_404(someone: httpx.Client) -> None:
    assert str(problem(someone.get(UNKNOWN), 404)["type"]).endswith("-not-found")


def test_an_id_that_is_none_is_422(someone: httpx.Client) -> None:
    _ = problem(someone.get(f"{PATH}/7"), 422, "invalid")


def test_an_unchanged_item_is_not_sent_again(someone: httpx.Client) -> None:
    address = f"{PATH}/{create(someone)['id']}"
    tag = header(someone.get(address), "etag")

    again = someone.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, header(again, "etag")) == (304, b"", tag)

    _ = someone.patch(address, json={"name": "Red kettle"})
    assert someone.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_pages_hold_every_item_once_newest_first(someone: httpx.Client) -> None:
    created = [create(someone, f"Number {number}")["id"] for number in range(8)]

    seen: list[object] = []
    cursor: object = None
    sizes: list[int] = []
    while cursor or not seen:
        parameters = {"limit": "3", "cursor": str(cursor)} if cursor else {"limit": "3"}
        page = someone.get(PATH, params=parameters)
        sizes.append(len(rows(page)))
        seen += [each["id"] for each in rows(page)]
        cursor = body(page)["next_cursor"]

    assert seen == created[::-1]
    assert sizes == [3, 3, 2]


def test_the_last_page_may_be_full(someone: httpx.Client) -> None:
    for number in range(2):
        _ = create(someone, f"Number {number}")

    page = someone.get(PATH, params={"limit": 2})

    assert len(rows(page)) == 2
    assert body(page)["next_cursor"] is None


def test_pages_stay_what_they_were_while_items_are_added(someone: httpx.Client) -> None:
    created = [create(someone, f"Number {number}")["id"] for number in range(4)]
    first = someone.get(PATH, params={"limit": 2})

    _ = create(someone, "A newer one")
    second = someone.get(PATH, params={"limit": 2, "cursor": str(body(first)["next_cursor"])})

    assert [each["id"] for each in rows(first) + rows(second)] == created[::-1]


def test_a_list_is_empty_at_first(someone: httpx.Client) -> None:
    assert body(someone.get(PATH)) == {"data": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"limit": "0"}, "query limit"),
        ({"limit": "101"}, "query limit"),
        ({"limit": "many"}, "query limit"),
        ({"cursor": "x"}, "query cursor"),
        ({"cursor": "!" * 22}, "query cursor"),
        ({"page": "2"}, "query page"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(someone: httpx.Client, parameters: Json, where: str) -> None:
    response = someone.get(PATH, params={name: str(parameters[name]) for name in parameters})

    _ = problem(response, 422, "invalid")
    assert pointers(response) == {where}


def test_a_change_keeps_what_was_not_sent(someone: httpx.Client) -> None:
    created = create(someone, description="Enamelled")
    address = f"{PATH}/{created['id']}"

    changed = someone.patch(address, json={"name": "Red kettle"})

    assert changed.status_code == 200
    after = body(changed)
    assert after == {**created, "name": "Red kettle", "version": 2, "updated_at": after["updated_at"]}
    assert str(after["updated_at"]) > str(created["updated_at"])
    assert body(someone.get(address)) == after


def test_null_removes_a_description(someone: httpx.Client) -> None:
    address = f"{PATH}/{create(someone, description='Enamelled')['id']}"

    assert body(someone.patch(address, json={"description": None}))["description"] is None


@pytest.mark.parametrize("sent", [{}, {"name": None}, {"name": ""}, {"name": "a\x00b"}, {"owner_id": UNKNOWN[-36:]}])
def test_a_change_that_does_not_fit_is_refused(someone: httpx.Client, sent: Json) -> None:
    created = create(someone)
    address = f"{PATH}/{created['id']}"

    _ = problem(someone.patch(address, json=sent), 422, "invalid")

    assert body(someone.get(address)) == created


def test_a_change_to_a_taken_name_is_refused(someone: httpx.Client) -> None:
    _ = create(someone, "Taken")
    address = f"{PATH}/{create(someone)['id']}"

    _ = problem(someone.patch(address, json={"name": "Taken"}), 409, "name-taken")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("tag", ['"7"', "anything", 'W/"1"'])
def test_a_write_that_expects_another_version_is_refused(someone: httpx.Client, method: str, tag: str) -> None:
    created = create(someone)
    address = f"{PATH}/{created['id']}"
    sent = {"name": "Red kettle"} if method == "PATCH" else None

    response = someone.request(method, address, json=sent, headers={"If-Match": tag})

    assert str(problem(response, 412)["type"]).endswith("-changed")
    assert body(someone.get(address)) == created


@pytest.mark.parametrize("tag", ['"\xe9"', "1" * 101])
def test_an_if_match_that_the_document_does_not_allow_is_refused(someone: httpx.Client, tag: str) -> None:
    address = f"{PATH}/{create(someone)['id']}"

    response = someone.delete(address, headers={b"if-match": tag.encode("latin-1")})

    assert pointers(response) == {"header If-Match"}
    _ = problem(response, 422, "invalid")


@pytest.mark.parametrize("tag", ['"1"', "*"])
def test_a_write_that_expects_this_version_is_done(someone: httpx.Client, tag: str) -> None:
    address = f"{PATH}/{create(someone)['id']}"

    changed = someone.patch(address, json={"name": "Red kettle"}, headers={"If-Match": tag})

    assert (changed.status_code, header(changed, "etag")) == (200, '"2"')


def test_of_racing_changes_that_expect_one_version_one_is_done(someone: httpx.Client) -> None:
    address = f"{PATH}/{create(someone)['id']}"
    changes = [
        partial(someone.patch, address, json={"description": str(number)}, headers={"If-Match": '"1"'})
        for number in range(10)
    ]

    answers = at_once(changes)

    assert sorted(each.status_code for each in answers) == [200] + [412] * 9
    done = next(each for each in answers if each.status_code == 200)
    assert body(someone.get(address)) == body(done)


def test_of_racing_changes_that_expect_nothing_none_is_lost(someone: httpx.Client) -> None:
    address = f"{PATH}/{create(someone)['id']}"

    answers = at_once([partial(someone.patch, address, json={"description": str(n)}) for n in range(10)])

    assert {each.status_code for each in answers} == {200}
    assert body(someone.get(address))["version"] == 11


def test_a_deleted_item_is_gone(someone: httpx.Client) -> None:
    address = f"{PATH}/{create(someone)['id']}"

    deleted = someone.delete(address)

    assert (deleted.status_code, deleted.content) == (204, b"")
    _ = problem(someone.get(address), 404)
    _ = problem(someone.delete(address), 404)
    assert rows(someone.get(PATH)) == []
    assert create(someone)["name"] == "Blue kettle"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_belongs_to_somebody_else_does_not_exist(
    someone: httpx.Client, someone_else: httpx.Client, method: str
) -> None:
    theirs = create(someone_else)
    address = f"{PATH}/{theirs['id']}"

    response = someone.request(method, address, json={"name": "Mine now"} if method == "PATCH" else None)

    missing = someone.request(method, UNKNOWN, json={"name": "Mine now"} if method == "PATCH" else None)
    same = {"instance": "", "request_id": ""}
    assert problem(response, 404) | same == problem(missing, 404) | same
    assert body(someone_else.get(address)) == theirs
    assert rows(someone.get(PATH)) == []


@pytest.mark.parametrize(
    ("method", "address"), [("POST", PATH), ("GET", PATH), ("GET", UNKNOWN), ("PATCH", UNKNOWN), ("DELETE", UNKNOWN)]
)
def test_nobody_gets_anything_without_a_token(client: httpx.Client, method: str, address: str) -> None:
    response = client.request(method, address, json={"name": "Mine"} if method in {"POST", "PATCH"} else None)

    _ = problem(response, 401, "unauthorized")
    assert header(response, "www-authenticate") == "Bearer"
