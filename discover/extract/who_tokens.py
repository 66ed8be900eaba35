"""Signed tokens that the code makes and checks itself: with which library, for what, and for how long."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from discover import wiring
from discover.code import Node
from discover.extract.who_common import (
    Length,
    Use,
    around,
    finding,
    importing_any,
    length,
    members,
    mentioning,
    option,
    purpose,
    rules_of,
    size_of,
    unit_of_name,
    uses_of,
)
from discover.findings import Finding, Place, Proof
from discover.project import Project, Unit, render
from discover.rules import Rule
from discover.wiring import Spot


@dataclass(slots=True)
class Token:
    """A call that signs or checks a token."""

    rule: Rule
    use: Use
    signs: bool
    purpose: str
    """What it is for, if not for calls."""
    refresh: bool = False
    length: Length | None = None


@dataclass(slots=True)
class Tokens:
    """Every call of a unit that signs or checks a token."""

    every: list[Token] = field(default_factory=list)
    algorithms: list[str] = field(default_factory=list)

    def of(self, rule: Rule) -> list[Token]:
        """Give those of one library that are for calls."""
        return [token for token in self.every if token.rule is rule and not token.purpose]

    @property
    def auth(self) -> bool:
        """Tell whether any is for calls."""
        return any(not token.purpose for token in self.every)

    def lifetime(self, refresh: bool) -> Length | None:
        """Give the first lifetime that folds."""
        for token in self.every:
            known = token.length is not None and token.length.seconds is not None
            if known and token.signs and not token.purpose and token.refresh is refresh:
                return token.length
        return None


_EXPIRY = ("expiresIn", "expires_in", "exp", "expires", "expiration")


def read(project: Project, unit: Unit) -> Tokens:
    """Find every call that signs or checks a token."""
    tokens = Tokens()
    for rule in rules_of("jwt"):
        for use in uses_of(project, unit, rule):
            signs = _fits(rule, "sign", use.origin)
            if not signs and not _fits(rule, "verify", use.origin):
                _chained(project, use, tokens)
                continue
            stem = use.spot.module.path.rpartition("/")[2].partition(".")[0]
            names = f"{stem} {around(use.spot.module, use.spot.function)} {_bound(use)}"
            words = f"{names} {' '.join(render(node, 300) for node in _options(use))}"
            token = Token(rule, use, signs, purpose(words, signs), bool(re.search(r"refresh", words, re.IGNORECASE)))
            if signs:
                token.length = _length(project, use)
            tokens.every.append(token)
            _algorithms(project, use, tokens.algorithms)
    _nest_default(project, unit, tokens)
    return tokens


def _nest_default(project: Project, unit: Unit, tokens: Tokens) -> None:
    """`JwtModule.register({signOptions: {expiresIn}})` holds for every call that signs without a length of its own."""
    waiting = [
        token for token in tokens.every if token.rule.name == "nestjs-jwt" and token.signs and token.length is None
    ]
    if not waiting:
        return
    for module in importing_any(project, unit, "@nestjs/jwt"):
        for _, spot in members(module, re.compile(r"^signOptions$")):
            if (lasts := wiring.member(project, spot, "expiresIn")) is not None:
                for token in waiting:
                    token.length = length(project, lasts.module, lasts.node, lasts.function)
                return


def _fits(rule: Rule, key: str, origin: str) -> bool:
    return any(fnmatch.fnmatchcase(origin, pattern) for pattern in rule.extra.get(key, ()))


def _bound(use: Use) -> str:
    """Give the variable that holds what a call gives."""
    module = use.spot.module
    bindings = module.functions[use.spot.function].bindings if use.spot.function != -1 else module.bindings
    return next(
        (
            name
            for name, node in bindings.items()
            if use.spot.node in (node, node.items[0] if node.kind == "await" and node.items else None)
        ),
        "",
    )


def _options(use: Use) -> list[Node]:
    """Give the arguments after the payload, and the members of options among them."""
    found: list[Node] = []
    for node in use.options:
        if node.kind == "object":
            found += [value for _, value in node.pairs]
        else:
            found.append(node)
    return [*found, *(value for _, value in use.spot.node.pairs)]


def _length(project: Project, use: Use) -> Length | None:
    bare = 0.001 if use.origin.startswith("fast-jwt") else 1
    for spot in (option(project, use, *_EXPIRY), wiring.keyword(use.spot, *_EXPIRY)):
        if spot is not None:
            found = length(project, spot.module, spot.node, spot.function, bare)
            return _at(found, spot.place)
    module, function = use.spot.module, use.spot.function
    keyword = wiring.keyword(use.spot, "payload", "claims")
    inner = wiring.member(project, keyword, "exp") if keyword is not None else None
    if inner is not None:
        return _at(length(project, inner.module, inner.node, inner.function), inner.place)
    made = (
        project.follow(module, use.spot.node.items[0].items[0], function)
        if use.origin.startswith("itsdangerous")
        else None
    )
    if made is not None and made[1].kind == "call" and len(made[1].arguments) > 1:
        return length(project, made[0], made[1].arguments[1], made[2])
    payload = use.options[0].dotted if use.options else ""
    for call in module.calls:
        if (
            payload
            and call.function == function
            and call.node.items[0].dotted in (f"{payload}.update", "Object.assign")
        ):
            for argument in call.node.arguments:
                if (value := argument.get("exp")) is not None:
                    return _at(length(project, module, value, function), Place(module.path, value.line))
    for assignment in module.assignments:
        target = assignment.target
        key = (
            str(target.value)
            if target.kind == "attribute"
            else str(target.items[1].value)
            if target.kind == "index"
            else ""
        )
        if payload and assignment.function == function and key == "exp" and target.items[0].dotted == payload:
            return _at(length(project, module, assignment.value, function), Place(module.path, assignment.line))
    return None


def _at(found: Length, place: Place) -> Length:
    """Keep the place of a default, and of a moment that is made elsewhere; else the option's own."""
    return (
        found
        if found.place.path != place.path or found.default or found.seconds is None or found.place.line
        else Length(found.seconds, place)
    )


def _chained(project: Project, use: Use, tokens: Tokens) -> None:
    """`new SignJWT(payload).setProtectedHeader({alg}).setExpirationTime("1h")`."""
    name = use.origin.rpartition(".")[2]
    if name == "setProtectedHeader":
        _algorithms(project, use, tokens.algorithms)
    if name == "setExpirationTime" and use.options:
        spot = use.spot
        words = f"{around(spot.module, spot.function)} {_bound(use)}"
        found = length(project, spot.module, use.options[0], spot.function)
        for token in tokens.every:
            if token.signs and token.use.spot.module is spot.module and token.use.spot.function == spot.function:
                token.length = found
                return
        for rule in rules_of("jwt"):
            if rule.name == "jose":
                token = Token(rule, use, True, purpose(words), bool(re.search("refresh", words, re.IGNORECASE)), found)
                tokens.every.append(token)


def _algorithms(project: Project, use: Use, into: list[str]) -> None:
    for spot in (
        option(project, use, "algorithms", "algorithm", "alg"),
        wiring.keyword(use.spot, "algorithms", "algorithm"),
    ):
        value = wiring.fold(project, spot)
        for name in (
            (value.value if isinstance(value.value, list) else [value.value])
            if value is not None and value.known
            else []
        ):
            if isinstance(name, str) and re.fullmatch(r"[A-Za-z]{2,5}\d{3}\w*|EdDSA|dir", name) and name not in into:
                into.append(name)


# -- lifetimes --------------------------------------------------------------------------------------------------------

_LASTS = re.compile(r"expir|lifetime|(?<![a-z])ttl|max_?age|duration|valid(ity|_?for)", re.IGNORECASE)
_OTHER = re.compile(
    r"reset|verif|confirm|invit|cancel|magic|otp|session|cache|cookie|passw|forgot|e?mail|csrf|oauth|google|github|state|activat|sign_?url|presign|upload|2fa|mfa|rate|code|webhook|leeway",
    re.IGNORECASE,
)


def kind_of(name: str) -> str:
    """Say which token a setting's name is about: `access`, `refresh` or ``."""
    if not _LASTS.search(name) or _OTHER.search(name):
        return ""
    if re.search(r"refresh", name, re.IGNORECASE):
        return "refresh"
    return "access" if re.search(r"token|jwt|access|auth", name, re.IGNORECASE) else ""


def settings(project: Project, unit: Unit) -> Iterator[tuple[str, Length, str]]:
    """Give (kind of token, lifetime, class around it) of settings that are named so."""
    for module in mentioning(
        project, unit, "EXPIR", "xpir", "LIFETIME", "ifetime", "TTL", "MAX_AGE", "DURATION", "EXP_"
    ):
        for name, spot in members(module, _LASTS):
            if not (which := kind_of(name)):
                continue
            unit_size = unit_of_name(name) or 1
            found = _default(project, spot, unit_size)
            if found is not None and found.seconds is not None and 1 <= found.seconds < 86_400 * 366 * 100_000:
                yield which, found, class_of(spot, name)


def stage(path: str, owner: str) -> str | None:
    """Say for which stage a setting holds, by its file's or its class's name; None for tests."""
    stem = path.rpartition("/")[2].partition(".")[0]
    if re.match(r"test", owner, re.IGNORECASE) or re.fullmatch(r"(settings_)?(tests?|testing|ci)", stem):
        return None
    if re.match(r"dev|prod|local|stag", owner, re.IGNORECASE):
        return f"only {owner}"
    return (
        f"only {stem}"
        if re.fullmatch(r"(settings_)?(local|dev|development|debug|staging|production|prod)", stem)
        else ""
    )


def class_of(spot: Spot, name: str) -> str:
    return next(
        (
            kind.name
            for kind in spot.module.classes
            for member in kind.members
            if member.name == name and member.value is spot.node
        ),
        "",
    )


def _default(project: Project, spot: Spot, bare: float) -> Length | None:
    """`joi.number().default(30)`, `num({default: 30})`, `Field(30)`, `process.env.X || "1d"`, `timedelta(days=7)`."""
    node = spot.node
    chain = node
    while chain.kind == "call":
        callee = chain.items[0]
        default = chain.get("default")
        if (callee.kind == "attribute" and callee.value in ("default", "catch") and chain.arguments) or (
            callee.dotted == "Field" and chain.arguments
        ):
            default = chain.arguments[0]
        for argument in chain.arguments if default is None else []:
            if argument.kind == "object" and argument.get("default") is not None:
                default = argument.get("default")
        if default is not None and default.kind != "function":
            found = length(project, spot.module, default, spot.function, bare)
            return (
                None
                if found.seconds is None
                else Length(
                    found.seconds,
                    Place(spot.module.path, found.place.line if found.place.path == spot.module.path else node.line),
                    True,
                )
            )
        if callee.kind != "attribute":
            break
        chain = callee.items[0]
    if node.kind in ("string", "number", "binary", "call", "name", "attribute", "conditional"):
        return length(project, spot.module, node, spot.function, bare)
    return None


def lifetimes(project: Project, unit: Unit, tokens: Tokens, proof: Proof) -> Iterator[Finding]:
    """Say how long access and refresh tokens hold: from the calls that sign them, else from settings named so."""
    named: dict[str, list[tuple[Length, str]]] = {}
    for which, found, owner in settings(project, unit):
        named.setdefault(which, []).append((found, owner))
    for which in ("access", "refresh"):
        known: dict[str, list[Place]] = {}
        unknown: Length | None = None
        for token in tokens.every:
            if token.signs and not token.purpose and token.refresh is (which == "refresh") and token.length is not None:
                if token.length.seconds is None:
                    unknown = unknown or token.length
                else:
                    known.setdefault(str(token.length), []).extend([token.length.place, token.use.place])
        for text, places in known.items():
            yield finding(f"token_lifetime_{which}", text, proof, places)
        if known:
            continue
        texts: set[str] = set()
        for found, owner in named.get(which, []):
            if str(found) not in texts and stage(found.place.path, owner) is not None:
                texts.add(str(found))
                yield finding(
                    f"token_lifetime_{which}",
                    str(found),
                    max(proof, project.proof(found.place.path)),
                    [found.place],
                    condition=stage(found.place.path, owner) or "",
                )
        if not texts and unknown is not None:
            yield finding(f"token_lifetime_{which}", str(unknown), proof, [unknown.place])


__all__ = ["Token", "Tokens", "kind_of", "lifetimes", "read", "settings", "size_of"]
