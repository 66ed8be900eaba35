"""What a release promised to the services that follow it, and each promise that the template does not keep any more."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from copier import run_copy
from copier._main import Worker
from jinja2 import UndefinedError
from releases import Release
from support import DOMAIN, OF_THE_RUN, Questions, answers, files

MIGRATIONS = "template/migrations"


def broken(release: Release, then: Path, now: Path) -> list[str]:
    """Give one sentence for each promise of a release that is broken: what it is, and how it is mended."""
    answered = list(answers_kept(release, then, now))
    # Files follow from answers: there is no comparing them while an answer is refused.
    return [*migrations(release, then, now), *answered, *(() if answered else files_kept(release, then, now))]


@functools.cache
def _questions(template: Path) -> Questions:
    return Questions(template)


def _examples(then: Path) -> dict[str, dict[str, Any]]:
    return {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in sorted(then.glob("examples/*.yml"))}


@functools.cache
def _rendered(template: Path, name: str, exclude: tuple[str, ...]) -> frozenset[str]:
    """Render an example, and give what it holds; the answers are those of the release."""
    with TemporaryDirectory(prefix="promises-") as folder:
        given = _examples(template)[name]
        run_copy(
            str(template), folder, data=given, exclude=exclude, defaults=True, overwrite=True, quiet=True, unsafe=False
        )
        return frozenset(files(Path(folder)))


def files_kept(release: Release, then: Path, now: Path, names: Collection[str] = ()) -> Iterator[str]:
    """Compare the files of examples as Copier does: the old version without what the new one excludes, and the new."""
    with Worker(src_path=str(now), dst_path=Path("nowhere"), quiet=True) as worker:
        exclude = tuple(worker.template.exclude)
    lost: dict[str, str] = {}
    for name in names or _examples(then):
        try:
            old = _rendered(then, name, exclude)
        except UndefinedError as error:
            yield (
                f"An `_exclude` pattern needs an answer that release {release} does not know ({error}): every update "
                'from it would stop there. Give it a default in the pattern: `{% if name | default("none") == … %}`.'
            )
            return
        lost |= dict.fromkeys(old - _now(now, name, then), name)
    for path, name in sorted(lost.items()):
        yield (
            f"{path} was released in {release} and is not rendered any more (examples/{name}.yml): an update would "
            f"delete a service's copy, its edits included. Put it back, or write /{path} into `_exclude`: "
            "it then becomes the service's own."
        )


def _now(now: Path, name: str, then: Path) -> frozenset[str]:
    with TemporaryDirectory(prefix="promises-") as folder:
        given = _examples(then)[name]
        run_copy(str(now), folder, data=given, defaults=True, overwrite=True, quiet=True, unsafe=False)
        return frozenset(files(Path(folder)))


def answers_kept(release: Release, then: Path, now: Path) -> Iterator[str]:
    """Compare the questions, and what they accept."""
    old, new = _questions(then), _questions(now)
    for name in _recorded(then):
        question, successor = old.all[name], new.all.get(name, {"when": False})
        if successor.get("when") is False:
            yield (
                f"The question `{name}` of release {release} is gone: an update would drop its answer without a word. "
                "Put it back; with `ask: false` nobody sees it."
            )
            continue
        if question.get("type") != successor.get("type"):
            yield (
                f"The question `{name}` was of type {question.get('type')} in release {release} and is of type "
                f"{successor.get('type')}: recorded answers would be read as something else. Put the type back."
            )
        for value in _choices(question):
            if value not in _choices(successor) and _choices(successor):
                yield (
                    f"The choice {value!r} of `{name}` was released in {release} and is gone: an update would choose "
                    f"the default {successor.get('default')!r} instead, without a word. Put the choice back."
                )
    yield from _refusals(release, old, new, _examples(then))


@functools.cache
def _recorded(then: Path) -> list[str]:
    with TemporaryDirectory(prefix="promises-") as folder:
        run_copy(str(then), folder, defaults=True, overwrite=True, quiet=True, unsafe=False)
        text = Path(folder, ".copier-answers.yml").read_text(encoding="utf-8")
    return [name for name in yaml.safe_load(text) if not name.startswith("_")]


def _choices(question: dict[str, Any]) -> list[Any]:
    choices = question.get("choices") or []
    return list(choices.values() if isinstance(choices, dict) else choices)


def _several(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _not_offered(given: dict[str, Any], questions: Questions) -> bool:
    offered = {name: _choices(question) for name, question in questions.all.items() if _choices(question)}
    return any(set(_several(given[name])) - set(values) for name, values in offered.items() if name in given)


def _refusals(release: Release, old: Questions, new: Questions, examples: dict[str, dict[str, Any]]) -> Iterator[str]:
    samples = [answers(**{name: value}) for name, values in DOMAIN.items() for value in values]
    samples += [
        answers(**{key: value if isinstance(value, list) else str(value) for key, value in each.items()})
        for each in examples.values()
    ]
    checked = [name for name in old.all if "validator" in old.all[name] and "validator" in new.all.get(name, {})]
    # How Copier is run is no answer.
    checked = [name for name in checked if not name.startswith(OF_THE_RUN)]
    told: set[str] = set()
    for given in samples:
        # What either of them does not offer was never answered, or is named above.
        if _not_offered(given, old) or _not_offered(given, new):
            continue
        before, after = old.derive(given), new.derive(given)
        for name in checked:
            if name in told or old.refusal(name, before) or not (sentence := new.refusal(name, after)):
                continue
            told.add(name)
            yield (
                f"`{name}` = {after[name]!r} was accepted in release {release} and is refused now ({sentence}): an "
                "update would stop there, or take the default. Accept it again."
            )


def migrations(release: Release, then: Path, now: Path) -> Iterator[str]:
    """Compare the migrations, byte by byte."""
    for file in sorted(then.glob(f"{MIGRATIONS}/*/*.py")):
        path = file.relative_to(then)
        if not (now / path).is_file():
            done = "is gone"
        elif (now / path).read_bytes() != file.read_bytes():
            done = "has changed"
        else:
            continue
        yield (
            f"{path.as_posix()} was released in {release} and {done}: databases that ran it would differ from "
            f"new ones. Put it back (`git checkout {release.commit[:12]} -- {path.as_posix()}`); write another one."
        )
