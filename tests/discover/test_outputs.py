"""What comes out: answers, nouns, the screen, the report, and all of it as data."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from results import column, found, result, table, users
from support import DOMAIN, ROOT, answers, questions
from test_prompts import DEMANDED, REFUSED

from discover import answers as answering
from discover import nouns as naming
from discover import output, report, screen
from discover import questions as asking
from discover.drawing import draw
from discover.findings import ABSENT, Entity, Finding, Place, Proof, Relation, Route, Row
from discover.text import plain, quoted, words

SCHEMAS = ROOT / "discover" / "schemas"


def values(*items: Finding | Entity, **more: str) -> dict[str, Any]:
    """Give the answers that follow, as YAML reads the file."""
    made = answering.answers(result(*items, **more))
    read = yaml.safe_load(answering.write(made)) or {}
    assert read == made.values
    return dict(read)


def remarks(name: str, *items: Finding | Entity) -> str:
    """Give what is said beside an open question."""
    made = answering.answers(result(*items))
    return " ".join(note for each in made.open if each.name == name for note in each.notes)


# The template's own validators.


@pytest.mark.parametrize(
    ("name", "answer", "sentence"),
    [each for each in REFUSED if each[2].startswith("Must ") and isinstance(each[1], str)],
    ids=lambda each: repr(each)[:20],
)
def test_what_the_template_refuses_is_refused_in_its_words(name: str, answer: str, sentence: str) -> None:
    assert asking.refusal(name, {name: answer}) == sentence


@pytest.mark.parametrize(("given", "sentence"), DEMANDED)
def test_a_part_that_is_demanded_is_demanded_here(given: dict[str, Any], sentence: str) -> None:
    given = {name: yaml.safe_load(value) if isinstance(value, str) else value for name, value in given.items()}
    assert asking.refusal("parts", given) == sentence


@pytest.mark.parametrize("name", DOMAIN)
def test_what_the_template_accepts_is_accepted(name: str) -> None:
    for value in DOMAIN[name]:
        given = questions().obliged(answers(**{name: value}))
        assert asking.refusal(name, given) == ""


def test_a_choice_that_is_none_and_a_name_that_is_no_question_are_refused() -> None:
    assert asking.refusal("ci", {"ci": "travis"}) == "Must be one of github, gitlab, none, not 'travis'."
    assert asking.refusal("workers", {"workers": "4"}) == "No question is called workers."
    assert "Must be text" in asking.refusal("peak_rps", {"peak_rps": 5})


def test_what_follows_from_answers_is_what_copier_works_out() -> None:
    given = answers()
    ours, theirs = asking.derive(given), questions().derive(given)
    assert {name: ours[name] for name in theirs if name in ours} == {
        name: value for name, value in theirs.items() if name in ours
    }
    assert {"parts_on", "demanded_parts", "project_slug", "instances"} <= ours.keys()


# answers.yml


@pytest.mark.parametrize("proof", [Proof.NAMED, Proof.LISTED, Proof.IMPORTED])
def test_what_is_only_seen_answers_nothing(proof: Proof) -> None:
    given = values(
        found(Row.DELIVERY, "ci", "github", proof=proof),
        found(Row.DELIVERY, "compose", "app and postgres", proof=proof),
        found(Row.WHO, "api_key", "header x-api-key", proof=proof),
        found(Row.LOAD, "peak_rps", 300, proof=proof),
    )
    assert given == {"project_name": "shop"}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["github: lint, tests"], "github"),
        (["gitlab"], "gitlab"),
        (["circleci", "GitHub Actions"], "github"),
        (["travis"], None),
        (["jenkins", "circleci"], None),
        ([ABSENT], "none"),
        ([], None),
    ],
)
def test_the_pipeline(said: list[str], answer: str | None) -> None:
    items = [found(Row.DELIVERY, "ci", value) for value in said]
    assert values(*items).get("ci") == answer


def test_a_pipeline_that_is_no_choice_stands_commented_out_with_a_sentence() -> None:
    text = answering.write(answering.answers(result(found(Row.DELIVERY, "ci", "travis", place=".travis.yml"))))
    assert "# Checked today by travis (.travis.yml:3): no such choice, so choose where it goes.\n# ci: github\n" in text


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"compose": "app and postgres", "docker": "Dockerfile"}, "compose"),
        ({"compose": "app and postgres", "docker": ABSENT}, "compose"),
        ({"compose": "smoke test only", "docker": "Dockerfile"}, "compose"),
        ({"compose": "database only", "docker": ABSENT}, "none"),
        ({"compose": ABSENT, "docker": "Dockerfile"}, None),
        ({"compose": ABSENT, "docker": ABSENT}, "none"),
        ({"compose": ABSENT}, None),
        ({}, None),
    ],
)
def test_the_deployment(said: dict[str, str], answer: str | None) -> None:
    items = [found(Row.DELIVERY, key, value) for key, value in said.items()]
    assert values(*items).get("deploy") == answer


@pytest.mark.parametrize(
    ("name", "folder", "answer"),
    [
        ("shop", "x", "shop"),
        ("@acme/shop-api", "x", "shop-api"),
        ("", "old-shop", "old-shop"),
        ("shop: {{ 7 * 7 }}", "x", "shop 7 7"),
        ("express", "x", "express"),
        ("fastapi", "x", "fastapi service"),
        ("日本", "shop", "shop"),
        ("42", "7", None),
        ("s" * 90, "x", "s" * 60),
        ("yes", "x", "yes"),
        ("null", "x", "null"),
        ("shop\n- evil", "x", "shop - evil"),
    ],
)
def test_the_name(name: str, folder: str, answer: str | None) -> None:
    assert values(name=name, folder=folder).get("project_name") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("A shop.", "A shop."),
        ("", None),
        ("[![Build](https://travis-ci.org/a/b.svg)](https://travis-ci.org/a/b)", None),
        ("d" * 161, None),
        ("The `shop` API", "The 'shop' API"),
        ("A {{ shop }}", None),
        ("Shop: a # comment", "Shop: a # comment"),
        ("A shop\nci: none", "A shop ci: none"),
        ("A\u2028shop\x85and\x1b[31m more", "A shop and [31m more"),
    ],
)
def test_the_description(text: str, answer: str | None) -> None:
    assert values(description=text).get("description") == answer


@pytest.mark.parametrize(
    ("name", "names", "answer"),
    [
        ("users", ["email"], "personal"),
        ("users", ["full_name"], "personal"),
        ("customers", ["name"], "personal"),
        ("logs", ["ipAddress"], "personal"),
        ("orders", ["billing_address"], "personal"),
        ("cards", ["cardNum"], "regulated"),
        ("payments", ["cvv"], "regulated"),
        ("visits", ["diagnosis"], "regulated"),
        ("patients", ["ward"], "regulated"),
        ("products", ["name", "price"], None),
        ("servers", ["health", "health_check_url"], None),
        ("cards", ["title", "card_number_of_deck"], None),
        ("notes", ["email_enabled"], None),
        ("calendars", ["address_book_id"], None),
    ],
)
def test_the_class_of_the_data(name: str, names: list[str], answer: str | None) -> None:
    assert values(table(name, *(column(each) for each in names))).get("data_class") == answer


def test_a_value_that_says_health_and_safety_is_no_health() -> None:
    kinds = column("topic", "enum", enum=["Health & Safety", "Finance"])
    items = (table("articles", kinds), found(Row.API, "routes", "/health-and-safety"))
    assert "data_class" not in values(*items)
    assert "HIPAA" not in remarks("compliance", *items)


def test_yes_and_no_about_a_card_is_no_card() -> None:
    assert "data_class" not in values(table("plans", column("card_number", "boolean")))


def test_compliance_is_asked_and_never_answered() -> None:
    items = (table("cards", column("card_number")), table("patients", column("email"), column("diagnosis")))
    assert "compliance" not in values(*items)
    said = remarks("compliance", *items)
    assert "ask whether PCI DSS applies" in said
    assert "cards.card_number (db/schema.sql:7)" in said
    assert "ask whether HIPAA applies" in said
    assert "ask whether GDPR applies" in said


def test_payments_elsewhere_are_a_question() -> None:
    assert "ask whether PCI DSS" in remarks("compliance", found(Row.DELIVERY, "payments", "stripe checkout"))
    assert "ask whether PCI DSS" in remarks("compliance", table("users", column("payment_method", "jsonb")))


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        (300, 300),
        ("300 per second", 300),
        ("300 requests per second", 300),
        ("300/s", 300),
        ("600 per minute", 10),
        ("50 per 10 s", 5),
        ("5 iterations per second", 5),
        ("1 per minute", 1),
        ("200 VUs", None),
        ("unknown (options.rate at k6/a.js:3)", None),
        ("0 per second", None),
    ],
)
def test_arrival_rates(value: str | int, rate: int | None) -> None:
    assert values(found(Row.LOAD, "peak_rps", value)).get("peak_rps") == (str(rate) if rate else None)


def test_the_highest_rate_counts_and_virtual_users_do_not() -> None:
    assert values(found(Row.LOAD, "peak_rps", 40), found(Row.LOAD, "peak_rps", "90/s"))["peak_rps"] == "90"
    people = found(Row.LOAD, "load_peak_vus", "200 VUs")
    assert "peak_rps" not in values(people)
    assert "Virtual users are not requests per second: 200 VUs" in remarks("peak_rps", people)


@pytest.mark.parametrize(
    ("key", "value"),
    [("load_rate", "2 arrivals per s, 2 requests each"), ("peak_hint", "threshold 800 requests per s in a panel")],
)
def test_other_rates_are_remarks(key: str, value: str) -> None:
    item = found(Row.LOAD, key, value)
    assert "peak_rps" not in values(item)
    assert value in remarks("peak_rps", item)


def test_a_line_that_stays_open_is_the_part_for_it() -> None:
    made = result()
    made.routes = [Route("WS", "/live", Place("app/live.py", 9)), Route("GET", "/v1/posts", Place("app/posts.py", 3))]
    given = answering.answers(made)
    assert "websockets" in given.values["parts"]
    assert "websockets: /live (app/live.py:9)" in next(each.why for each in given.given if each.name == "parts")


def test_a_rate_that_the_template_would_refuse_is_told_and_not_given() -> None:
    assert "peak_rps" not in values(found(Row.LOAD, "peak_rps", 5_000_000))
    assert "Must be a whole number" in remarks("peak_rps", found(Row.LOAD, "peak_rps", 5_000_000))


def test_size_and_availability_are_never_guessed() -> None:
    given = values(users(), found(Row.LOAD, "peak_rps", 40), found(Row.DELIVERY, "ci", "github"))
    assert not {"data_gb", "availability", "compliance"} & given.keys()


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (found(Row.WHO, "api_key", "header x-api-key"), "api_keys"),
        (found(Row.WHO, "session", "express-session in MongoDB"), "browser"),
        (found(Row.WHO, "auth", "next-auth (GitHub)"), "browser"),
        (found(Row.API, "websockets", "socket.io"), "websockets"),
    ],
)
def test_parts_that_are_used_are_added_to_the_usual_ones(item: Finding, part: str) -> None:
    assert set(values(item)["parts"]) == {"admin", "email", "load_test", "second_factor", part}


@pytest.mark.parametrize(
    "item",
    [
        found(Row.WHO, "sessions", "none (session: false)"),
        found(Row.WHO, "auth", "passport-jwt (bearer)"),
        found(Row.WHO, "session", "cookie-session", condition="only when OIDC_ENABLED"),
        found(Row.WHO, "api_key", "unknown (x at a.js:3)"),
    ],
)
def test_parts_that_are_not_used_leave_the_question_open(item: Finding) -> None:
    assert "parts" not in values(item)


def test_parts_hold_what_the_other_answers_demand() -> None:
    given = values(found(Row.WHO, "api_key", "header"), table("cards", column("card_number")))
    assert given["data_class"] == "regulated"
    assert {"email", "second_factor", "api_keys"} <= set(given["parts"])
    assert not asking.refusals(given)


def test_what_a_law_would_demand_of_the_parts_is_said_beside_them() -> None:
    made = answering.answers(result(found(Row.WHO, "api_key", "header"), users()))
    assert "# If compliance will hold gdpr, add personal_data here.\n" in answering.write(made)


HOSTILE = [
    '"><img src=x onerror=alert(1)>',
    "a\nci: none\n",
    "{{ 7 * 7 }}",
    "# x: y",
    "\u2028- b",
    "'; DROP TABLE x; --",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_codebase_says_adds_no_answer(text: str) -> None:
    hostile = table(text, column(text), column("email"))
    hostile.place = Place(f"{text}.sql", 1)
    items = (
        found(Row.DELIVERY, "ci", f"github {text}", place=text),
        found(Row.DELIVERY, "compose", text, place=text),
        found(Row.WHO, "api_key", text, place=text, scope=text, note=text),
        hostile,
    )
    given = values(*items, name=f"shop {text}", description=text)
    assert given.keys() <= {"project_name", "description", "data_class", "deploy", "ci", "parts"}
    assert given["ci"] == "github"
    assert not asking.refusals(given)


def test_each_answer_has_its_evidence_above_it() -> None:
    text = answering.write(answering.answers(result(found(Row.DELIVERY, "ci", "github", place=".github/a.yml"))))
    assert "# github (.github/a.yml:3)\nci: github\n" in text


def test_what_is_open_stands_commented_out_with_its_question_and_a_default_that_is_accepted() -> None:
    made = answering.answers(result(users()))
    text = answering.write(made)
    for each in made.open:
        assert f"# OPEN: {each.question}" in text
        assert f"\n# {each.name}: " in text
    opened = re.sub(rf"^# ({'|'.join(asking.questions())}): ", r"\1: ", text, flags=re.MULTILINE)
    every = yaml.safe_load(opened)
    assert {name for name, each in asking.questions().items() if each.get("ask", True)} <= every.keys()
    assert not asking.refusals(every)


@pytest.mark.parametrize(
    "text",
    [
        "yes", "no", "null", "~", "1e3", "0x10", "12:30", "2026-01-01", "a: b", "a #b", "- a", "{a}", "[a]", "*a", "&a",
        "!a", "%a", "@a", "`a", "a\\b", 'a"b', "'a'", " a ", "", "é", "\u2028", "\x85", "\x00", "a,b", "?", "|", ">",
        "<<", "=", "😀", "\ufeff", "a:", "true", "On", "line(255)?:unique",
    ],
)  # fmt: skip
def test_any_text_comes_back_from_yaml_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"x: {quoted(text)}") == {"x": text}
    assert yaml.safe_load(f"x: {quoted([text, text])}") == {"x": [text, text]}
    assert "\n" not in quoted(text)


def test_plain_text_bears_no_control_character() -> None:
    assert plain("a\x1b[2Jb\u202ec\r\nd\te") == "a [2Jb c d e"


def test_names_in_snake_case() -> None:
    assert [words(name) for name in ("userId", "User-ID", "HTTPServer", "already_so")] == [
        "user_id",
        "user_id",
        "http_server",
        "already_so",
    ]


# entities.yml


def nouns(*entities: Entity) -> dict[str, Any]:
    """Give the nouns as YAML reads the file."""
    made = naming.nouns(result(*entities))
    read = yaml.safe_load(naming.write(made))
    assert read == naming.data(made)
    return dict(read)


def refers(name: str, to: str, **more: object) -> Any:
    return column(name, "uuid", references=f"{to}.id", **more)


def checked(schema: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "checked.json"
    file.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMAS / schema), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_what_is_referred_to_comes_first_and_accounts_are_owners() -> None:
    made = nouns(
        table(
            "comments",
            refers("post_id", "posts", on_delete="CASCADE"),
            refers("author_id", "users"),
            column("body", "text"),
        ),
        table("posts", refers("userId", "users"), refers("reviewer_id", "users", nullable=True), column("title")),
        users(),
    )
    assert [each["name"] for each in made["nouns"]] == ["posts", "comments"]
    posts, comments = made["nouns"]
    assert posts == {
        "name": "posts",
        "singular": "post",
        "table": "posts",
        "owner": "userId",
        "fields": {"reviewer_id": "uuid?", "title": "line(255)"},
    }
    assert comments["fields"] == {"post": "ref(posts,cascade)", "body": "text"}
    assert made["accounts"][0]["table"] == "users"
    assert made["accounts"][0]["profile"] == {"bio": "text?"}
    assert made["accounts"][0]["replaced"].keys() == {"id", "email", "password_hash"}


def test_tables_that_refer_to_each_other_and_to_themselves() -> None:
    made = nouns(
        table("teams", refers("lead_id", "players", nullable=True), refers("parent_id", "teams"), column("name")),
        table("players", refers("team_id", "teams"), column("number", "integer")),
    )
    fields = {each["name"]: each["fields"] for each in made["nouns"]}
    assert fields["teams"] == {"lead_id": "uuid?", "parent": "ref(self)?", "name": "line(255)"}
    assert fields["players"] == {"team": "ref(teams)", "number": "int"}


def test_many_to_many_by_a_table_of_links_and_by_a_relation() -> None:
    links = table("post_tags", refers("post_id", "posts"), refers("tag_id", "tags"), kind="join")
    posts = table("posts", column("title"), column("body"))
    posts.relations = [Relation("labels", "many_to_many", "labels")]
    labels = table("labels", column("name"))
    labels.relations = [Relation("posts", "many_to_many", "posts")]
    made = nouns(posts, table("tags", column("name")), links, labels)
    assert [each["name"] for each in made["nouns"]][-1] == "posts"
    assert made["nouns"][-1]["fields"] | {"tag": "many(tags)", "label": "many(labels)"} == made["nouns"][-1]["fields"]
    assert sum("many(" in spec for each in made["nouns"] for spec in each["fields"].values()) == 2


def test_a_link_with_an_account_or_with_more_to_say_is_a_noun() -> None:
    likes = table("likes", refers("user_id", "users"), refers("post_id", "posts"), kind="join")
    places = table(
        "seats", refers("room_id", "rooms"), refers("post_id", "posts"), column("number", "int"), kind="join"
    )
    made = nouns(users(), table("posts", column("title")), table("rooms", column("name")), likes, places)
    fields = {each["name"]: each["fields"] for each in made["nouns"]}
    assert fields["likes"] == {"post": "ref(posts)"}
    assert fields["seats"] == {"room": "ref(rooms)", "post": "ref(posts)", "number": "int"}


def test_what_the_service_and_frameworks_have_is_left_out_and_listed() -> None:
    made = nouns(
        users(),
        table("sessions", refers("user_id", "users"), column("data", "text")),
        table("refresh_tokens", column("hash")),
        table("alembic_version", column("version_num")),
        table("django_admin_log", column("message"), internal="django"),
        table("accounts", column("provider"), column("provider_account_id")),
        table("posts", column("title")),
        table("guesses", column("a"), proof=Proof.LISTED),
    )
    assert [each["name"] for each in made["nouns"]] == ["posts"]
    assert {each["table"] for each in made["left_out"]} == {
        "sessions",
        "refresh_tokens",
        "alembic_version",
        "django_admin_log",
        "accounts",
    }


@pytest.mark.parametrize(
    ("kind", "more", "spec"),
    [
        ("varchar(40)", {}, "line(40)"),
        ("varchar(40)", {"nullable": True}, "line(40)?"),
        ("varchar(40)", {"unique": True}, "line(40):unique"),
        ("varchar(40)", {"index": True}, "line(40):index"),
        ("varchar(400)", {}, "text(400)"),
        ("string", {}, "line(255)"),
        ("text", {}, "text"),
        ("text", {"unique": True}, "line(255):unique"),
        ("character varying(9)", {}, "line(9)"),
        ("integer", {"default": "0"}, "int=0"),
        ("integer", {"default": "nextval('x')"}, "int"),
        ("bigint", {}, "bigint"),
        ("numeric(9,4)", {}, "decimal(9,4)"),
        ("double precision", {}, "float"),
        ("boolean", {"default": "false"}, "bool=false"),
        ("tinyint(1)", {"default": "1"}, "bool=true"),
        ("timestamp with time zone", {"default": "now()"}, "timestamp"),
        ("date", {}, "date"),
        ("uuid", {}, "uuid"),
        ("jsonb", {}, "json"),
        ("text[]", {}, "array"),
        ("interval", {}, "line(255)"),
        ("enum", {"enum": ["draft", "done"], "default": "'draft'"}, "enum(draft,done)=draft"),
        ("enum", {"enum": ["in progress", "done"]}, "line(255)"),
        ("varchar(9)", {"default": "'new'"}, "line(9)=new"),
        ("varchar(9)", {"default": "'a b: c'"}, "line(9)"),
        ("bytea", {}, None),
        ("geometry(point)", {}, None),
    ],
)
def test_a_column_in_the_words_of_make_domain(kind: str, more: dict[str, object], spec: str | None) -> None:
    made = nouns(table("things", column("first"), column("it", kind, **more)))
    assert made["nouns"][0]["fields"].get("it") == spec


def test_money_addresses_and_the_dates_of_documents() -> None:
    made = nouns(
        table(
            "orders",
            column("price", "numeric(10,2)"),
            column("contact_email"),
            column("site_url"),
            column("at", "date"),
            kind="collection",
        )
    )
    assert made["nouns"][0]["fields"] == {
        "price": "money",
        "contact_email": "email",
        "site_url": "url",
        "at": "timestamp",
    }


def test_names_that_a_service_refuses_get_others_and_secrets_none() -> None:
    made = nouns(
        table(
            "items",
            column("order", "int"),
            column("class"),
            column("json"),
            column("api_token"),
            column("createdAt", "date"),
        ),
        table("links", column("2nd choice")),
        table("user", column("email"), column("password")),
    )
    items, links = made["nouns"]
    assert items["name"] == "own_items"
    assert set(items["fields"]) == {"own_item_order", "own_item_class", "own_item_json"}
    assert links["name"] == "own_links"
    assert set(links["fields"]) == {"nd_choice"}


def test_names_that_are_too_long_together_are_shortened() -> None:
    tags = table("accessibility_items", column("name"))
    links = table("x", refers("a", "location_of_the_organisation"), refers("b", "accessibility_items"), kind="join")
    places = table(
        "location_of_the_organisation",
        column("a_rather_long_name_of_a_column_of_it", unique=True),
        refers("accessibility_items_that_it_may_have_id", "accessibility_items"),
    )
    made = naming.nouns(result(tags, places, links)).nouns
    assert [sorted(noun.fields) for noun in made][1:] == [["a_rather_long_na", "acce"]]
    assert any("would be too long" in note for note in made[1].notes)
    for noun in made:
        for name, spec in noun.fields.items():
            assert max(map(len, naming._made(noun, name, spec))) <= 63, name


def test_one_of_them_is_no_word_of_the_code() -> None:
    made = nouns(table("emails", column("subject")), table("captchas", column("captcha_id", "int")))
    assert made["nouns"][0] | {"name": "emails", "singular": "email_entry"} == made["nouns"][0]
    assert made["nouns"][1]["fields"] == {"captcha_captcha_id": "int"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_within_the_schema(text: str, tmp_path: Path) -> None:
    hostile = table(text, column(text), column("a", "enum", enum=[text]), refers(f"{text}_id", text), note=text)
    hostile.place = Place(f"{text}.sql", 1)
    made = nouns(hostile, table(f"{text}2", refers("x", text), column("b", text, default=text)), users())
    checked("entities.schema.json", json.dumps(made), tmp_path)


def test_the_vocabulary_is_the_templates() -> None:
    known = naming.vocabulary()
    fields = (ROOT / "template/proof/workshop/fields.py").read_text(encoding="utf-8")
    texts, numbers = (re.search(rf"^{name} = \((.+)\)$", fields, re.MULTILINE) for name in ("_TEXTS", "_NUMBERS"))
    types = re.search(r"^TYPES = \((.+)\)$", fields, re.MULTILINE)
    assert texts
    assert numbers
    assert types
    every = types[1].replace("*_TEXTS", texts[1]).replace("*_NUMBERS", numbers[1])
    assert known["types"] == re.findall(r'"(\w+)"', every)
    own = re.search(r"^OWN = \((.+)\)$", fields, re.MULTILINE)
    assert own
    assert known["own"] == re.findall(r'"(\w+)"', own[1])
    folders = [path.name for room in ("platform", "adapters") for path in (ROOT / "template/app" / room).iterdir()]
    there = {name.removesuffix(".py") for name in folders if not name.startswith("__")}
    assert there - set(known["taken_nouns"]) <= {"schema"}
    patterns = [path.read_text(encoding="utf-8") for path in (ROOT / "template/proof/workshop/pattern").glob("*.txt")]
    imported = re.findall(r"^from \S+ import (\([^)]+\)|.+)$", "\n".join(patterns), re.MULTILINE)
    spoken = {words(each) for line in imported for each in re.findall(r"\b[A-Z]\w+(?!\w*\$)\b", line)}
    assert spoken <= {*known["taken_singulars"], "can_read", "can_write"}
    logging = (ROOT / "template/app/kit/logging.py").read_text(encoding="utf-8")
    assert f'r"{known["secret"]}"' in logging


# The screen.


def shop() -> Any:
    """Make a result with something of everything."""
    made = result(
        found(Row.API, "language", "typescript", proof=Proof.RUNS),
        found(Row.API, "framework", "express", proof=Proof.RUNS, place="src/a/very/long/path/to/a/file/app.ts"),
        found(Row.EDGES, "rate_limit", "20 per 15 min", scope="only /v1/auth", condition="only in production"),
        found(Row.EDGES, "cors", "unknown (origins() at src/app.ts:9)"),
        found(Row.WHO, "password_hash", "bcrypt"),
        found(Row.LOGS, "logger", ABSENT),
        found(Row.DELIVERY, "ci", "github"),
        found(Row.LOGS, "logger", "winston", proof=Proof.LISTED, place="package.json"),
        users(),
        table("posts", refers("user_id", "users"), column("title")),
    )
    made.routes = [Route("GET", "/v1/posts/{id}", Place("src/posts.ts", 4), guards=["auth"], validated=False)]
    made.contradictions = ["posts.title is text in a.prisma:4, and varchar(40) in b.sql:2."]
    made.unread = {".env": "may hold secrets", "big.sql": "larger than 2 MB"}
    return made


def page(made: Any) -> str:
    file = io.StringIO()
    screen.show(made, answering.answers(made), file, out=Path("discovered"), command="uvx copier copy x y")
    return file.getvalue()


def test_the_screen_says_what_was_found_how_far_it_is_proven_and_what_is_missing() -> None:
    text = page(shop())
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    rows = [line for line in text.splitlines() if "express" in line]
    assert any("runs" in line and "…" in line and "app.ts:3" in line for line in rows)
    for said in (
        "rate limit: 20 per 15 min",
        "not there: logger",
        "! posts.title is text in a.prisma:4",
        "Seen, no use found: winston (listed)",
        "1 (may hold secrets), 1 (larger than 2 MB)",
        "Remain open: peak_rps, data_gb",
        "uvx copier copy x y",
    ):
        assert said in text, said


def test_the_screen_is_one_page_whatever_was_found() -> None:
    many = [found(row, f"key_{number}", "value " * 40) for row in Row for number in range(60)]
    made = result(*many, *(table(f"t{number}") for number in range(300)))
    made.contradictions = ["they disagree"] * 50
    made.unread = {f"f{number}": f"reason {number}" for number in range(200)}
    assert len(page(made).splitlines()) <= 130


def test_markup_and_control_characters_do_nothing_to_the_screen() -> None:
    text = page(result(found(Row.API, "framework", "[red]x[/red] :smile: \x1b[2J"), name="[bold]shop[/nope]"))
    assert "[bold]shop[/nope]" in text
    assert "[red]x[/red] :smile:" in text
    assert "\x1b" not in text


# The report.


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def html(made: Any) -> str:
    return report.write(made, answering.answers(made), naming.nouns(made), "uvx copier copy x y")


@pytest.mark.parametrize("text", [*HOSTILE, "<script>alert(1)</script>", "&lt;b&gt;", "\x1b[31m", "\udcff"])
def test_nothing_that_a_codebase_says_is_code_in_the_report(text: str) -> None:
    hostile = table(text, column(text, text), refers("self", text))
    hostile.place = Place(text, 1)
    made = result(
        found(Row.API, text, text, place=text, scope=text, condition=text, note=text),
        found(Row.API, "other", text, place=text, proof=Proof.LISTED),
        hostile,
        name=text,
        description=text,
    )
    made.routes = [Route(text, text, Place(text, 1), guards=[text], version=text)]
    made.contradictions = [text]
    made.unread = {text: text}
    page = _Page(html(made))
    assert not {"script", "img", "iframe", "object", "link", "b x"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "\x1b" not in page.text


def test_the_report_needs_no_network_and_allows_none() -> None:
    text = html(shop())
    page = _Page(text)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    for name, value in page.attributes:
        if name in ("href", "src", "action", "data"):
            assert value.startswith("#"), value
    assert "@import" not in text
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text


def test_every_link_of_the_report_leads_somewhere() -> None:
    page = _Page(html(shop()))
    ids = {value for name, value in page.attributes if name == "id"}
    assert {value[1:] for name, value in page.attributes if name == "href"} <= ids


def test_the_report_says_what_is_there_and_what_is_not() -> None:
    text = " ".join(_Page(html(shop())).text.split())
    for said in (
        "typescript, express: 1 operation and 2 tables.",
        "Missing: logger.",
        "20 per 15 min (only /v1/auth, only in production)",
        "unknown (origins() at src/app.ts:9)",
        "posts.title is text in a.prisma:4",
        "/v1/posts/{id}",
        "winston",
        "larger than 2 MB",
        "Argon2id",
        "1 foreign key; no index was seen for 1 of them",
    ):
        assert said in text, said


def test_a_promise_that_is_kept_today_is_not_sold_as_better() -> None:
    made = result(found(Row.WHO, "password_hash", "argon2"))
    states = {each.target.subject: each.state for each in report.compared(made)}
    assert states["Passwords"] == "met"
    assert states["Rate limits"] == "unseen"
    assert "Secrets in code" not in states


@pytest.mark.parametrize(
    ("row", "key", "value", "weak"),
    [
        (Row.WHO, "password_hash", "md5", True),
        (Row.WHO, "password_hash", "bcrypt", False),
        (Row.WHO, "committed_secret", "hard-coded secret (value not shown)", True),
        (Row.EDGES, "cors", "any origin", True),
        (Row.EDGES, "cors", "one origin from CORS_ORIGIN", False),
        (Row.EDGES, "other", "any origin", False),
    ],
)
def test_what_should_not_stay_stands_out(row: Row, key: str, value: str, weak: bool) -> None:
    item = found(row, key, value)
    assert report.is_weak(item) is weak
    assert ('class="chip warn"' in html(result(item))) is weak


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("postgresql", "1 foreign key; no index was seen for 1 of them"),
        ("mysql", "1 foreign key, each with an index"),
    ],
)
def test_an_index_that_a_database_makes_anyway_is_not_missed(database: str, said: str) -> None:
    made = result(found(Row.DATA, "database", database), users(), table("posts", refers("user_id", "users")))
    assert [each.today for each in report.compared(made) if each.target.subject == "Foreign keys"] == [[said]]


def test_references_of_documents_are_no_foreign_keys() -> None:
    made = result(users(), table("posts", refers("user_id", "users"), kind="collection"))
    said = [each.today for each in report.compared(made) if each.target.subject == "Foreign keys"]
    assert said == [["1 reference between collections, which no database enforces"]]


def test_the_promises_are_rows_of_the_register() -> None:
    read = tomllib.loads((ROOT / "template/standards.toml").read_text(encoding="utf-8"))
    ids = {each["id"] for each in read["standard"]}
    assert {each.id for each in report.targets() if each.id} <= ids


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - it is ours
    return [
        (float(each.attrib["x"]), float(each.attrib["y"]), float(each.attrib["width"]), float(each.attrib["height"]))
        for each in root.iter("{http://www.w3.org/2000/svg}rect")
    ]


@pytest.mark.parametrize("number", [1, 5, 40, 150])
def test_the_drawing_shows_every_table_and_lays_none_over_another(number: int) -> None:
    every = [
        table(
            f"t{each}",
            *(refers(f"to_{to}", f"t{to}") for to in {each // 2, each // 3, (each * 7) % number}),
            column("a"),
        )
        for each in range(number)
    ]
    svg = draw([*every, table("alone", column("a"))])
    placed = boxes(svg)
    assert len(placed) == number + 1
    assert svg.count('class="edge"') == sum(bool(each.references) for one in every for each in one.columns)
    width, height = (float(found) for found in re.findall(r'(?:width|height)="(\d+)" ', svg)[:2])
    for x, y, wide, high in placed:
        assert x + wide <= width
        assert y + high <= height
    for one, (x, y, wide, high) in enumerate(placed):
        for other_x, other_y, other_wide, other_high in placed[one + 1 :]:
            apart = x + wide <= other_x or other_x + other_wide <= x or y + high <= other_y or other_y + other_high <= y
            assert apart


def test_what_is_referred_to_stands_left() -> None:
    svg = draw([table("comments", refers("post", "posts")), table("posts", column("title"))])
    (comments_x, *_), (posts_x, *_) = boxes(svg)
    assert posts_x < comments_x


# As data.


def test_everything_as_data_fits_its_schema(tmp_path: Path) -> None:
    made = shop()
    text = output.write(made, answering.answers(made), naming.nouns(made))
    read = json.loads(text)
    assert read["schema"] == 1
    assert [each["value"] for each in read["findings"] if each["key"] == "framework"] == ["express"]
    assert read["answers"]["given"]["ci"]["value"] == "github"
    assert read["unread"][1] == {"path": "big.sql", "why": "larger than 2 MB"}
    checked("report.schema.json", text, tmp_path)


def test_the_default_of_a_secret_is_not_among_the_data() -> None:
    made = result(table("hooks", column("api_token", default="'hunter2'"), column("title", default="'new'")))
    every = [
        output.write(made, answering.answers(made), naming.nouns(made)),
        html(made),
        naming.write(naming.nouns(made)),
    ]
    assert not any("hunter2" in text for text in every)
    assert "'new'" in every[0]


def test_the_schema_refuses_what_is_no_report() -> None:
    schema = json.loads((SCHEMAS / "report.schema.json").read_text(encoding="utf-8"))
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(output.data(shop(), answering.Answers(), naming.Nouns()))
