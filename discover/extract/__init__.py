"""The extractors: one module per family of technologies, found by its file.

A module may have any of three functions. Each gets the project and one unit of it, and yields what it finds there:

- `findings(project, unit) -> Iterator[Finding]`
- `routes(project, unit) -> Iterator[Route]`
- `entities(project, unit) -> Iterator[Entity]`
"""
