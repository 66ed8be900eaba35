"""Bookings over HTTP."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner

from app import cli
from tests.conftest import Log, SignUp, Sql
from tests.domain.bookings.conftest import PATH, SECRET, Hotel
from tests.nouns import new
from tests.platform.websockets.talk import opened, refused
from tests.wire import body, eventually, header, pointers, problem, rows

MANY = 100_000
DAY = {"starts_at": "2031-05-01T08:00:00Z", "ends_at": "2031-05-01T12:00:00Z"}
LATER = {"starts_at": "2031-05-01T12:00:00Z", "ends_at": "2031-05-01T18:00:00Z"}
WITHIN = {"starts_at": "2031-05-01T11:59:00Z", "ends_at": "2031-05-01T12:01:00Z"}


def create(client: httpx.Client, **fields: object) -> dict[str, object]:
    """A new booking of the client, with these fields."""
    answer = client.post(PATH, json=new(client, PATH) | fields)
    assert answer.status_code == 201, answer.text
    return body(answer)


def test_a_booking_has_lines_extras_tags_and_a_price(someone: httpx.Client) -> None:
    sent = new(someone, PATH)
    lines = [{"label": "Room", "amount": "100.10"}, {"label": "Projector", "amount": "19.95"}]

    created = create(someone, **sent | {"lines": lines, "tags": ["board", "coffee"]})

    assert (created["status"], created["price"], created["lines"]) == ("draft", "120.05", lines)
    assert (created["tags"], created["extra_ids"]) == (["board", "coffee"], sent["extra_ids"])
    assert body(someone.get(f"{PATH}/{created['id']}")) == created


def test_a_booking_ends_after_it_starts(someone: httpx.Client) -> None:
    sent = new(someone, PATH) | {"starts_at": DAY["ends_at"], "ends_at": DAY["ends_at"]}

    assert "it ends after it starts" in problem(someone.post(PATH, json=sent), 422, "invalid").__repr__()


def test_a_list_is_filtered_and_sorted(someone: httpx.Client) -> None:
    late, early = create(someone, **LATER), create(someone, **DAY)

    def ids(**asked: object) -> list[object]:
        return [each["id"] for each in rows(someone.get(PATH, params={each: str(asked[each]) for each in asked}))]

    assert ids(sort="starts_at") == [early["id"], late["id"]]
    assert ids(sort="-starts_at", status="draft") == [late["id"], early["id"]]
    assert ids(room_id=late["room_id"]) == [late["id"]]
    assert ids(status="confirmed") == []
    first = someone.get(PATH, params={"sort": "starts_at", "limit": "1"})
    assert ids(sort="starts_at", cursor=body(first)["next_cursor"]) == [late["id"]]
    assert pointers(someone.get(PATH, params={"status": "lost"})) == {"query status"}


def test_notes_are_searched(someone: httpx.Client, someone_else: httpx.Client) -> None:
    wanted = create(someone, notes="Please provide two large whiteboards")
    _ = create(someone, notes="Nothing at all"), create(someone_else, notes="whiteboards")

    found = rows(someone.get(f"{PATH}/search", params={"q": 'whiteboard -"small"'}))

    assert [each["id"] for each in found] == [wanted["id"]]


def test_a_manager_of_the_company_confirms(hotel: Hotel, log: Log) -> None:
    draft = hotel.book(**DAY)
    before = confirmed(hotel)

    answer = hotel.confirm(draft)

    assert answer.status_code == 200, answer.text
    assert (body(answer)["status"], body(answer)["reference"]) == ("confirmed", "block 7")
    assert header(answer, "etag") == '"2"'
    assert hotel.channel.asked == [(f"/blocks/{draft['id']}", f"Bearer {SECRET}")]
    assert confirmed(hotel) == before + 1
    said = next(each for each in log.lines() if each["event"] == "booking confirmed")
    assert (said["booking_id"], said["channel_reference"]) == (draft["id"], "block 7")
    assert said["request_id"] == header(answer, "x-request-id")
    _ = problem(hotel.confirm(draft), 409, "booking-settled")


def confirmed(hotel: Hotel) -> float:
    """What the metric says."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - of this process

    assert hotel
    return REGISTRY.get_sample_value("bookings_confirmed_total") or 0.0


def test_no_two_confirmed_bookings_of_a_room_overlap(hotel: Hotel) -> None:
    room = hotel.room()
    first, within, later = (hotel.book(room_id=room, **each) for each in (DAY, WITHIN, LATER))

    assert hotel.confirm(first).status_code == 200
    _ = problem(hotel.confirm(within), 409, "room-taken")
    assert hotel.confirm(later).status_code == 200
    assert body(hotel.owner.get(f"{PATH}/{within['id']}"))["status"] == "draft"


def test_who_is_no_manager_of_the_company_does_not_confirm(hotel: Hotel, sign_up: SignUp) -> None:
    draft = hotel.book()
    stranger = sign_up(hotel.service, role="manager")

    _ = problem(hotel.owner.post(f"{PATH}/{draft['id']}/confirm"), 403)
    _ = problem(stranger.post(f"{PATH}/{draft['id']}/confirm"), 404, "booking-not-found")


def test_no_connection_waits_for_the_channel_manager(hotel: Hotel) -> None:
    draft = hotel.book()
    hotel.channel.seconds = 1.0

    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(hotel.confirm, draft)
        eventually(lambda: bool(hotel.channel.asked))
        assert hotel.service.lent == 0
        assert answer.result().status_code == 200


@pytest.mark.parametrize("status", [404, 500])
def test_a_channel_manager_that_fails_confirms_nothing(hotel: Hotel, status: int) -> None:
    draft = hotel.book()
    hotel.channel.status = status

    _ = problem(hotel.confirm(draft), 503, "channel-unavailable")

    assert body(hotel.owner.get(f"{PATH}/{draft['id']}"))["status"] == "draft"


def test_an_export_has_every_row(someone: httpx.Client, sql: Sql) -> None:
    one = create(someone)
    _ = sql(
        "INSERT INTO bookings (id, owner_id, company_id, room_id, starts_at, ends_at, tags, price, notes) "
        "SELECT gen_random_uuid(), owner_id, company_id, room_id, starts_at, ends_at, tags, number, '' "
        "FROM bookings, generate_series(1, $2) AS number WHERE id = $1",
        UUID(str(one["id"])),
        MANY - 1,
    )

    answer = someone.get(f"{PATH}/export")

    assert (answer.status_code, header(answer, "content-type")) == (200, "text/csv; charset=utf-8")
    head, *lines = csv.reader(io.StringIO(answer.text))
    assert head == ["id", "starts_at", "ends_at", "status", "price"]
    assert len({line[0] for line in lines}) == MANY
    assert sum(Decimal(line[4]) for line in lines) == MANY * (MANY - 1) // 2 + Decimal(str(one["price"]))


def test_events_tell_of_ones_own_bookings(hotel: Hotel) -> None:
    draft = hotel.book()

    with hotel.owner.stream("GET", f"{PATH}/events") as events:
        assert hotel.confirm(draft).status_code == 200
        told = next(each for each in events.iter_lines() if each.startswith("data:"))

    assert str(draft["id"]) in told


def test_a_websocket_tells_of_a_booking(hotel: Hotel, someone: httpx.Client) -> None:
    draft = hotel.book()
    live = f"{PATH}/{draft['id']}/live"

    with opened(hotel.service, live, hotel.owner) as socket:
        assert hotel.confirm(draft).status_code == 200
        assert str(draft["id"]) in str(socket.recv(timeout=20))

    assert refused(opened(hotel.service, live, someone))[0] == 404


def test_a_long_answer_is_compressed_for_whoever_takes_it_so(someone: httpx.Client) -> None:
    tags = [f"{number} of the tags that make it long, of forty and more letters" for number in range(20)]
    for _ in range(8):
        _ = create(someone, tags=tags)

    compressed = someone.get(PATH)
    plain = someone.get(PATH, headers={"Accept-Encoding": "identity"})

    assert (header(compressed, "content-encoding"), "content-encoding" in plain.headers) == ("gzip", False)
    assert compressed.json() == plain.json()


def test_a_booking_is_kept_for_ten_years(someone: httpx.Client, sql: Sql) -> None:
    kept, old = (create(someone, lines=[], extra_ids=[]) for _ in range(2))
    made_then = UUID(int=(11 * 365 * 86_400_000) << 80 | UUID(str(old["id"])).int & (1 << 80) - 1)
    _ = sql("UPDATE bookings SET id = $2 WHERE id = $1", UUID(str(old["id"])), made_then)

    done = CliRunner().invoke(cli.cli, ["retention"])

    assert done.exit_code == 0, done.output
    assert [each["id"] for each in rows(someone.get(PATH))] == [kept["id"]]


def test_a_command_tells_how_many_rooms_are_taken() -> None:
    done = CliRunner().invoke(cli.cli, ["taken"])

    assert (done.exit_code, done.output) == (0, "0 rooms are taken.\n")
