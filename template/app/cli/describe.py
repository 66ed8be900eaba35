"""The commands that say what the service offers."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="A file; else the screen."
)
def openapi(output: Path | None) -> None:
    """Print the OpenAPI document."""
    from pydantic_core import to_json

    from app.main import create_app

    text = to_json(create_app().openapi(), indent=2).decode() + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")


@click.command()
def routes() -> None:
    """List every operation with its access rule."""
    from app.http.openapi import operations
    from app.kit.access import Public, Rule
    from app.main import create_app

    for route in operations(create_app()):
        rule = route.access[0]
        match rule:
            case Rule():
                access = rule.permission + (f" ({', '.join(sorted(rule.roles))})" if rule.roles else "")
            case Public():
                access = f"public: {rule.reason}"
            case _:
                access = "a token of its own"
        hidden = "" if route.include_in_schema else " (not in the OpenAPI document)"
        click.echo(f"{min(route.methods or {'GET'}):7}{route.path_format:41} {access}{hidden}")


commands = (openapi, routes)
