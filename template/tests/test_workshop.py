"""The commands for people who change the service, as far as they change nothing."""

import pytest
from click.testing import CliRunner

from app import cli, workshop

workshop.register(cli.cli)


def refused(*arguments: str) -> str:
    """The sentence with which a command is refused."""
    result = CliRunner().invoke(cli.cli, arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    return result.output


def test_a_noun_needs_a_name() -> None:
    assert "make domain name=orders" in refused("domain")


@pytest.mark.parametrize(
    "name", ["Orders", "order-lines", "1orders", "orders!", "order__lines", "_orders", "o" * 50, "../x"]
)
def test_a_bad_name_is_refused(name: str) -> None:
    assert f"{name} is no name for a noun" in refused("domain", "--", name)


@pytest.mark.parametrize("name", ["items", "accounts", "auth"])
def test_a_taken_name_is_refused(name: str) -> None:
    assert f"{name} exists already, in app/domain/{name}/." in refused("domain", name)


@pytest.mark.parametrize(
    ("name", "singular"),
    [
        ("children", ""),
        ("sheep", ""),
        ("glass", ""),
        ("orders", "orders"),
        ("classes_", ""),
        ("orders", "a b"),
        ("defs", "def"),
    ],
)
def test_what_one_is_called_has_to_be_known(name: str, singular: str) -> None:
    said = refused("domain", name, "--singular", singular)

    assert "--singular" in said or "is no name for a noun" in said


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("orders", "order"),
        ("order_lines", "order_line"),
        ("categories", "category"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("batches", "batch"),
        ("wishes", "wish"),
        ("houses", "house"),
    ],
)
def test_the_singular_of_most_nouns_is_found(plural: str, singular: str) -> None:
    assert workshop._noun(plural, "") == (plural, singular)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("line", "renamed"),
    [
        ("class ItemNotFound(NotFound):", "class OrderLineNotFound(NotFound):"),
        ('router = routing.router("/v1/items", "items")', 'router = routing.router("/v1/order-lines", "order_lines")'),
        ("CanReadItems", "CanReadOrderLines"),
        ('constraint="uq_items_owner_id_name"', 'constraint="uq_order_lines_owner_id_name"'),
        ("async def read_item(item_id: UUID)", "async def read_order_line(order_line_id: UUID)"),
    ],
)
def test_code_is_renamed(line: str, renamed: str) -> None:
    assert workshop._Names("order_lines", "order_line").in_code(line) == renamed  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def test_prose_is_renamed_as_prose() -> None:
    names = workshop._Names("order_lines", "order_line")  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    assert (
        names.in_prose('"""Items of one item; ItemNotFound."""')
        == '"""Order lines of one order line; OrderLineNotFound."""'
    )


def test_a_migration_needs_words() -> None:
    assert 'make migration name="add a price"' in refused("migration", " ")
