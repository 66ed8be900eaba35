"""Who may call a backend of Node: passport, guards, libraries that bring sign-in, sessions, Next's middleware."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from discover import wiring
from discover.code import Call, Function, Module, Node
from discover.extract.who_common import (
    Length,
    Use,
    Way,
    every,
    finding,
    human,
    importing_any,
    imports_of,
    kind,
    length,
    mentioning,
    option,
    rules_of,
    sources,
    uses_of,
    version_of,
)
from discover.extract.who_tokens import Token, Tokens
from discover.findings import Finding, Place, Proof
from discover.project import SCRIPTS, Project, Unit
from discover.rules import Rule, rules
from discover.wiring import Spot

NAMES = {
    "github": "GitHub", "github2": "GitHub", "google": "Google", "google-oauth": "Google", "google-oauth20": "Google",
    "google-oauth2": "Google", "email": "e-mail link", "nodemailer": "e-mail link", "resend": "e-mail link",
    "credentials": "credentials", "facebook": "Facebook", "apple": "Apple", "twitter": "Twitter", "discord": "Discord",
    "linkedin": "LinkedIn", "linkedin-oauth2": "LinkedIn", "microsoft": "Microsoft", "gitlab": "GitLab",
    "gitlab2": "GitLab",
    "azure-ad": "Azure AD", "microsoft-entra-id": "Microsoft Entra ID", "auth0": "Auth0", "keycloak": "Keycloak",
    "cognito": "Cognito", "okta": "Okta", "slack": "Slack", "spotify": "Spotify", "twitch": "Twitch", "steam": "Steam",
}  # fmt: skip

_PACKAGE = re.compile(r"^((?:@[\w.-]+/)?[\w.-]+)")
_STRATEGY_PACKAGE = re.compile(r"passport")
_NO_PROVIDERS = frozenset(
    {
        "jwt",
        "local",
        "basic",
        "bearer",
        "anonymous",
        "api key",
        "custom",
        "e-mail link",
        "SAML",
        "LDAP",
        "OIDC",
        "webauthn",
    }
)


def package_of(origin: str) -> str:
    """Give the package that an origin starts with."""
    match = re.match(r"^<?((?:@[\w.-]+/)?[A-Za-z0-9_-]+(?:/[\w-]+)?)", origin)
    return match[1] if match else ""


def ways(project: Project, unit: Unit, tokens: Tokens) -> Iterator[Way | Finding]:
    """Give the ways to sign in that a unit in Node has, and what is known besides."""
    if not any(path.endswith(SCRIPTS) for path in sources(project, unit)):
        return
    found: list[Way] = []
    passport_session = False
    for item in _passport(project, unit):
        if isinstance(item, Way):
            found.append(item)
        else:
            passport_session = passport_session or item.key == "session"
            if item.key != "session":
                yield item
    guards = [way for rule in rules_of("guard", "plugin") for way in _guard(project, unit, rule, tokens)]
    libraries = list(_libraries(project, unit))
    for item in libraries:
        if isinstance(item, Way):
            found.append(item)
        else:
            yield item
    for item in guards:
        if isinstance(item, Way):
            found.append(item)
        else:
            yield item
    passport_jwt = any("passport" in way.text and "jwt" in way.text for way in found)
    if not guards and not passport_jwt:
        found += _own(project, unit, tokens)
    sessions = list(_sessions(project, unit))
    for session, way in sessions:
        yield session
        if way.text and session.condition == "" and not passport_session and not found:
            found.append(way)
    yield from _refresh(project, unit)
    yield from found


# -- passport ---------------------------------------------------------------------------------------------------------


def _passport(project: Project, unit: Unit) -> Iterator[Way | Finding]:
    rule = rules()["passport"]
    names: dict[str, Place] = {}
    optional: set[str] = set()
    nest = False
    without_session: list[Place] = []
    with_session: list[Place] = []
    registered: dict[int, str] = {}
    for module in mentioning(project, unit, "passport", "openid-client"):
        if module.language == "python":
            continue
        for call in module.calls:
            dotted = call.node.items[0].dotted
            if dotted.endswith("use") and len(call.node.arguments) == 2:
                named = project.fold(module, call.node.arguments[0], call.function)
                if named.known and isinstance(named.value, str):
                    made = project.find(module, call.node.arguments[1], call.function)[1]
                    registered[id(made)] = named.value
            if dotted.endswith(".authenticate") and "passport" in project.origin(
                module, call.node.items[0], call.function
            ):
                options = wiring.member(project, wiring.argument(Spot(module, call.node, call.function), 1), "session")
                value = wiring.fold(project, options)
                if value is not None and value.known and value.value is False:
                    without_session.append(project.place(module, call))
                else:
                    with_session.append(project.place(module, call))
            if (
                dotted.endswith("passport.session")
                or project.origin(module, call.node.items[0], call.function) == "passport.session"
            ):
                yield finding("session", "passport", project.proof(module.path), [project.place(module, call)])
                with_session.append(project.place(module, call))
        for call in module.calls:
            if call.node.kind != "new":
                continue
            origin = project.origin(module, call.node.items[0], call.function)
            package = package_of(origin)
            if "trategy" not in origin and "trategy" not in call.node.items[0].dotted:
                continue
            if _STRATEGY_PACKAGE.search(package) or package in rule.extra["strategies"]:
                name = (
                    registered.get(id(call.node))
                    if package in ("passport-oauth2", "passport-oauth1", "passport-oauth", "passport-openidconnect")
                    else None
                )
                said = name or _strategy(rule, package)
                said = "OAuth" if said == "passport" else said
                if said == "jwt":
                    said = _extraction(project, Spot(module, call.node, call.function)) or said
                names.setdefault(said, project.place(module, call))
                if any(
                    re.search(r"env|config|settings|enabled", text, re.IGNORECASE) for text in call.conditions
                ) and not any(text.startswith(("!", "not (")) for text in call.conditions):
                    optional.add(said)
        for class_ in module.classes:
            for base in class_.bases:
                if base.kind == "call" and base.items[0].dotted.endswith("PassportStrategy") and base.arguments:
                    nest = True
                    package = package_of(project.origin(module, base.arguments[0], class_.function))
                    given = (
                        str(base.arguments[1].value)
                        if len(base.arguments) > 1 and base.arguments[1].kind == "string"
                        else ""
                    )
                    said = _strategy(rule, package) if package else (given or class_.name)
                    if "refresh" in f"{given} {class_.name}".lower():
                        continue
                    if said == "jwt":
                        super_ = next(
                            (
                                call
                                for call in module.calls
                                if call.node.items[0].dotted == "super"
                                and call.function != -1
                                and module.functions[call.function].owner == class_.name
                            ),
                            None,
                        )
                        said = (
                            _extraction(project, Spot(module, super_.node, super_.function))
                            if super_ is not None
                            else ""
                        ) or said
                    names.setdefault(said, Place(module.path, class_.line))
    if not names:
        return
    proof, places = wiring.best(project, names.values())
    real = [name for name in names if name != "anonymous"]
    places = [*(names[name] for name in real if names[name] in places), *places]
    providers = [name for name in real if name.split(" ")[0] not in _NO_PROVIDERS and name not in _NO_PROVIDERS]
    own = [name for name in real if name not in providers]
    via = " via @nestjs/passport" if nest else ""
    if len(real) == 1 and real[0].startswith("jwt"):
        text = f"passport-jwt ({_in(real[0])}){via}" if _in(real[0]) else f"passport-jwt{via}"
    else:
        said_own = [f"{name} (optional)" if name in optional else name for name in own]
        shown = [
            *said_own,
            *([f"{name} (optional)" if name in optional else name for name in providers] if len(providers) < 4 else []),
        ]
        text = f"passport: {', '.join(shown)}"
        if len(providers) >= 4:
            text += f"{' and ' if own else ''}{'a dozen' if len(providers) == 12 else len(providers)} OAuth providers"
        text += via
    yield Way(
        text,
        [*places, *names.values()],
        proof,
        order=10,
        notes=["no session"] if without_session and not with_session else [],
    )
    if providers:
        yield finding("social", ", ".join(providers), proof, [names[name] for name in providers])
    if without_session and not with_session:
        yield finding("sessions", "none (session: false)", wiring.best(project, without_session)[0], without_session)


def _strategy(rule: Rule, package: str) -> str:
    strategies: dict[str, str] = rule.extra["strategies"]
    if package in strategies:
        return strategies[package]
    if package in ("passport", "passport-strategy"):
        return "custom"
    bare = re.sub(r"^@[\w.-]+/", "", package)
    return (
        re.sub(
            r"^passport-|-passport$|-(oauth2?0?|openid|token|strategy)$|2$",
            "",
            re.sub(r"^passport-|-passport$", "", re.sub(r"-(oauth\d*|openid|token)$", "", bare)),
        )
        or package
    )


def _in(name: str) -> str:
    return {"jwt": "", "jwt bearer": "bearer", "jwt in cookie": "cookie"}.get(name, name.removeprefix("jwt "))


def _extraction(project: Project, call: Spot) -> str:
    """Say where passport-jwt looks for the token."""
    spot = wiring.member(project, wiring.argument(call, 0), "jwtFromRequest")
    if spot is None:
        return ""
    found: list[str] = []
    for node in wiring.walk(spot.node):
        name = node.items[0].dotted.rpartition(".")[2] if node.kind == "call" else ""
        first = (
            str(node.arguments[0].value)
            if node.kind == "call" and node.arguments and node.arguments[0].kind == "string"
            else ""
        )
        if name == "fromAuthHeaderAsBearerToken":
            found.append("bearer")
        elif name in ("fromAuthHeaderWithScheme", "fromHeader"):
            found.append("bearer" if first.lower() == "bearer" else f"header {first}".strip())
        elif name == "fromUrlQueryParameter":
            found.append("query")
        elif name == "fromBodyField":
            found.append("body")
        where, made, _ = project.follow(spot.module, node, spot.function)
        function = where.function(made)
        if function is not None and any(
            "cookie" in _text_of(where, function, returned)
            for returned in (*function.returns, *function.bindings.values())
        ):
            found.append("in cookie")
    return f"jwt {' or '.join(dict.fromkeys(found))}" if found else ""


def _text_of(module: Module, function: Function, node: Node) -> str:
    text = " ".join(str(item.value) for item in wiring.walk(node) if item.kind in ("attribute", "name", "string"))
    assigned = [assignment for assignment in module.assignments if module.within(assignment.function, function.number)]
    return text + " ".join(
        str(item.value) for assignment in assigned for item in wiring.walk(assignment.value) if item.kind == "attribute"
    )


def _refresh(project: Project, unit: Unit) -> Iterator[Finding]:
    """Refresh strategies of passport, and functions that renew a token."""
    for module in mentioning(project, unit, "efresh"):
        if module.language == "python":
            continue
        for class_ in module.classes:
            for base in class_.bases:
                if (
                    base.kind == "call"
                    and base.items[0].dotted.endswith("PassportStrategy")
                    and "refresh" in " ".join([class_.name, *(str(node.value) for node in base.arguments)]).lower()
                ):
                    rows = any(
                        "session" in str(node.value).lower()
                        for call in module.calls
                        for text in call.conditions
                        for node in [Node("string", 0, text)]
                    )
                    stored = any(
                        re.search(r"refresh", str(node.value), re.IGNORECASE) and "hash" in str(node.value).lower()
                        for call in module.calls
                        for node in wiring.walk(call.node)
                    )
                    text = (
                        "refresh strategy with session rows"
                        if rows
                        else "refresh strategy with a stored hash"
                        if stored
                        else "refresh strategy"
                    )
                    yield finding("refresh", text, project.proof(module.path), [Place(module.path, class_.line)])


# -- layers for tokens ------------------------------------------------------------------------------------------------


def header_of(project: Project, spot: Spot | None) -> str:
    """Say which words a function takes before the token in the header: `Token or Bearer`."""
    if spot is None:
        return ""
    where, made, _ = project.follow(spot.module, spot.node, spot.function)
    function = where.function(made)
    if function is None:
        return ""
    texts = [text for call in where.calls_in(function.number) for text in call.conditions]
    texts += [
        str(node.value)
        for call in where.calls_in(function.number)
        for node in wiring.walk(call.node)
        if node.kind == "string"
    ]
    words = dict.fromkeys(word for text in texts for word in re.findall(r"\b(Token|Bearer|JWT)\b", text))
    return " or ".join(words)


def _guard(project: Project, unit: Unit, rule: Rule, tokens: Tokens) -> Iterator[Way | Finding]:
    found = uses_of(project, unit, rule)
    if not found:
        return
    algorithms: list[str] = []
    pinned = False
    header = ""
    cookie = ""
    for use in found:
        spot = option(project, use, "algorithms", "algorithm")
        value = wiring.fold(project, spot)
        pinned = pinned or spot is not None
        if value is not None and value.known:
            algorithms += [str(item) for item in (value.value if isinstance(value.value, list) else [value.value])]
        header = header or header_of(project, option(project, use, "getToken"))
        cookie = cookie or ("in a cookie" if option(project, use, "cookie") is not None else "")
        if rule.name == "fastify-jwt":
            yield from _fastify_lifetime(project, use)
    proof, places = wiring.best(project, [use.place for use in found])
    if rule.name == "express-jwt" and not pinned:
        yield finding("algorithms_not_pinned", "express-jwt without algorithms", proof, places)
    names = dict.fromkeys([*algorithms, *tokens.algorithms])
    text = rule.value if rule.name != "fastify-jwt" else "JWT (@fastify/jwt)"
    parts = [text, *names]
    if header:
        parts.append(f"header {header}")
    if cookie:
        parts.append(cookie)
    versions = [
        version
        for version in (
            version_of(unit, *rule.npm),
            *(version_of(unit, *one.rule.npm) for one in tokens.every if one.signs),
        )
        if version
    ]
    notes = ["JWT " + ", ".join(dict.fromkeys([*versions]))] if versions else []
    yield Way(", ".join(parts), places, proof, order=20, notes=notes)


def _fastify_lifetime(project: Project, use: Use) -> Iterator[Finding]:
    signs = option(project, use, "sign")
    spot = wiring.member(project, signs, "expiresIn") if signs is not None else None
    if spot is not None:
        found = length(project, spot.module, spot.node, spot.function)
        yield finding("token_lifetime_access", str(found), project.proof(use.place.path), [found.place, use.place])


def _own(project: Project, unit: Unit, tokens: Tokens) -> Iterator[Way]:
    """Tokens that are checked by code of their own."""
    for rule in rules_of("jwt"):
        if rule.pypi:
            continue
        used = tokens.of(rule)
        if not used:
            continue
        checks = [token for token in used if not token.signs] or used
        checks.sort(key=lambda token: _form(token.use) == "")
        form = _form(checks[0].use)
        cookie = next((place for token in used for place in _cookie(project, token.use)), None)
        proof, places = wiring.best(project, [token.use.place for token in checks])
        first = checks[0].use.place
        algorithms = ", ".join(dict.fromkeys(tokens.algorithms))
        inner = ", ".join(part for part in (rule.value, algorithms) if part)
        text = (
            f"own JWT in an httpOnly cookie ({inner})"
            if cookie is not None and not form
            else f"own JWT {form} ({inner})".replace("  ", " ")
        )
        lifetime = tokens.lifetime(refresh=False)
        if form and _reads_cookie(checks[0].use):
            text += ", in a cookie"
        if cookie is not None and not form:
            if lifetime is not None:
                text += f", {lifetime}"
            if _rolling(project, unit, used):
                text += ", rolling"
            signs = [token.use.place for token in used if token.signs]
            places = [*signs, *places, cookie]
        yield Way(
            text,
            [first, *places] if form else places,
            proof,
            order=30,
            notes=[version] if (version := version_of(unit, *rule.npm)) else [],
        )


def _form(use: Use) -> str:
    """Say what checks a token: `middleware`, `guard`, `hook`; `` for a helper."""
    module, function = use.spot.module, use.spot.function
    while function != -1:
        scope = module.functions[function]
        owner = next((class_ for class_ in module.classes if class_.name == scope.owner), None)
        bases = " ".join(base.dotted for base in owner.bases) if owner is not None else ""
        if "NestMiddleware" in bases:
            return "middleware"
        if "CanActivate" in bases or scope.name == "canActivate":
            return "guard"
        names = [parameter.name.lstrip("_") for parameter in scope.parameters]
        if "next" in names and len(names) in (2, 3, 4):
            return "middleware"
        if {"request", "reply"} <= set(names) or {"req", "reply"} <= set(names):
            return "hook"
        function = scope.parent
    return ""


def _reads_cookie(use: Use) -> bool:
    """Tell whether the function around a call takes something from the cookies."""
    module, function = use.spot.module, use.spot.function
    if function == -1:
        return False
    scope = module.functions[function]
    nodes = [*scope.bindings.values(), *(call.node for call in module.calls_in(function))]
    nodes += [assignment.value for assignment in module.assignments if module.within(assignment.function, function)]
    return any(
        item.kind == "attribute" and "cookie" in str(item.value).lower() for node in nodes for item in wiring.walk(node)
    )


def _cookie(project: Project, use: Use) -> Iterator[Place]:
    """Give the places near a token's code that set an httpOnly cookie."""
    module = use.spot.module
    for call in module.calls:
        name = call.node.items[0].dotted
        if re.search(r"cookie", name, re.IGNORECASE) and re.search(r"\.(set|cookie|setCookie)$|^setCookie$", name):
            for node in call.node.arguments:
                if wiring.member(project, Spot(module, node, call.function), "httpOnly") is not None:
                    yield project.place(module, call)


def _rolling(project: Project, unit: Unit, used: list[Token]) -> bool:
    """Tell whether Next's middleware signs anew on every call."""
    signers = {f"{token.use.spot.module.path}#{name}" for token in used if token.signs for name in _names(token.use)}
    for module in middlewares(project, unit):
        for call in module.calls:
            if project.origin(module, call.node.items[0], call.function) in signers:
                return True
    return False


def _names(use: Use) -> list[str]:
    module, function, names = use.spot.module, use.spot.function, []
    while function != -1:
        names.append(module.functions[function].name)
        function = module.functions[function].parent
    return names


# -- libraries --------------------------------------------------------------------------------------------------------


def _libraries(project: Project, unit: Unit) -> Iterator[Way | Finding]:
    for rule in rules_of("library"):
        if not rule.npm:
            continue
        found = [use for use in uses_of(project, unit, rule) if use.spot.module.language != "python"]
        if rule.name == "next-auth":
            yield from _next_auth(project, unit, found)
        elif rule.name == "better-auth":
            yield from _better_auth(project, found)
        elif found:
            pages = sorted((use.place for use in found), key=lambda place: place.path.endswith((".tsx", ".jsx")))
            proof, places = wiring.best(project, pages)
            yield Way(rule.value, places, proof, order=45 if rule.value.startswith(("basic", "fixed")) else 15)


def providers_of(project: Project, unit: Unit) -> dict[str, Place]:
    """Give the providers of Auth.js by the modules that they are imported from."""
    found: dict[str, Place] = {}
    for module in mentioning(project, unit, "/providers/"):
        for brought in module.imports:
            match = re.fullmatch(r"(?:next-auth|@auth/\w+)/providers/([\w-]+)", brought.module)
            if match is None:
                continue
            for call in module.calls:
                if call.node.items[0].dotted == brought.local or (
                    call.node.items[0].dotted == f"{brought.local}.default"
                ):
                    found.setdefault(match[1], project.place(module, call))
                    break
            else:
                for node in _arrays(module, "providers"):
                    if any(item.kind == "name" and item.value == brought.local for item in node.items):
                        found.setdefault(match[1], Place(module.path, node.line))
    return found


def _arrays(module: Module, key: str) -> Iterator[Node]:
    for spot in wiring.spots(module):
        for node in wiring.walk(spot.node):
            value = node.get(key)
            if value is not None and value.kind == "array":
                yield value


def _next_auth(project: Project, unit: Unit, found: list[Use]) -> Iterator[Way | Finding]:
    made = [
        use
        for use in found
        if re.fullmatch(
            r"next-auth(\.NextAuth|/next)?|@auth/core\.Auth|@auth/express\.ExpressAuth|@auth/core", use.origin
        )
    ]
    if not found:
        return
    names = providers_of(project, unit)
    shown = [NAMES.get(name, name) for name in names]
    text = f"next-auth ({', '.join(shown)})" if shown else "next-auth"
    options = [
        wiring.settled(project, Spot(use.spot.module, node, use.spot.function))
        for use in made
        for node in use.options[-1:]
    ]
    if not any(spot.node.kind == "object" for spot in options):
        options += [
            spot
            for module in importing_any(project, unit, "next-auth", "@auth/core")
            for spot in every(module)
            if spot.node.get("providers") is not None
            and any(spot.node.get(key) is not None for key in ("callbacks", "session", "adapter", "pages"))
        ]
    proof, places = wiring.best(project, [*(use.place for use in made), *(use.place for use in found)])
    head = [spot.place for spot in options if spot.node.kind == "object"]
    yield Way(text, [*head, *names.values(), *places], proof, order=12)
    social = [
        name for name in names if name not in ("email", "credentials", "nodemailer", "resend", "passkey", "webauthn")
    ]
    if social:
        yield finding(
            "social", ", ".join(NAMES.get(name, name) for name in social), proof, [names[name] for name in social]
        )
    for spot in options:
        if spot.node.kind != "object":
            continue
        session = wiring.member(project, spot, "session")
        strategy = wiring.fold(project, wiring.member(project, session, "strategy") if session is not None else None)
        if strategy is not None and strategy.known:
            yield finding("session", f"strategy {strategy.value}", proof, [strategy.place])
        elif wiring.member(project, spot, "adapter") is not None:
            yield finding("session", "strategy database (default with an adapter)", proof, [spot.place])
        else:
            yield finding("session", "strategy jwt (default without an adapter)", proof, [spot.place])
        age = wiring.member(project, session, "maxAge") if session is not None else None
        if age is not None:
            lasts = length(project, age.module, age.node, age.function)
            yield finding("session_lifetime", str(lasts), proof, [lasts.place])
        break


def _better_auth(project: Project, found: list[Use]) -> Iterator[Way | Finding]:
    for use in found:
        proof, places = wiring.best(project, [use.place])
        parts: list[str] = []
        enabled = wiring.fold(project, _inside(project, use, "emailAndPassword", "enabled"))
        if enabled is not None and enabled.known and enabled.value:
            parts.append("e-mail and password")
        social = option(project, use, "socialProviders")
        held = wiring.settled(project, social) if social is not None else None
        names = [name for name, _ in held.node.pairs if name and name != "..."] if held is not None else []
        parts += [NAMES.get(name, name) for name in names]
        yield Way(f"better-auth ({', '.join(parts)})" if parts else "better-auth", places, proof, order=12)
        if names and held is not None:
            yield finding("social", ", ".join(NAMES.get(name, name) for name in names), proof, [held.place])
        lasts = _inside(project, use, "session", "expiresIn")
        if lasts is not None:
            age = length(project, lasts.module, lasts.node, lasts.function)
            yield finding("session_lifetime", str(age), proof, [age.place])
        plugins = option(project, use, "plugins")
        for node in plugins.node.items if plugins is not None else []:
            if node.kind == "call" and node.items[0].dotted in ("twoFactor", "passkey"):
                yield finding(
                    "second_factor",
                    f"{'TOTP' if node.items[0].dotted == 'twoFactor' else 'WebAuthn'} (better-auth)",
                    proof,
                    [Place(use.spot.module.path, node.line)],
                )


def _inside(project: Project, use: Use, outer: str, key: str) -> Spot | None:
    spot = option(project, use, outer)
    return wiring.member(project, spot, key) if spot is not None else None


_AUTH_CALL = re.compile(r"\.auth\.(mfa\.\w+|admin\.\w+|[a-zA-Z_]+)$")


def supabase(project: Project, unit: Unit) -> Iterator[Way | Finding]:
    """Supabase's sign-in: only where `.auth.` is called, or its helpers for cookies are used."""
    rule = rules()["supabase-auth"]
    auth: list[Place] = []
    helpers: list[Place] = []
    server: list[Place] = []
    factors: list[Place] = []
    other: dict[str, Place] = {}
    social: dict[str, Place] = {}
    paths: set[str] = set()
    for module in mentioning(project, unit, "upabase", pages=True):
        python = module.language == "python"
        for call in module.calls:
            dotted = call.node.items[0].dotted
            origin = project.origin(module, call.node.items[0], call.function)
            ours = origin.startswith(("@supabase/", "supabase.", "<@supabase/", "<supabase.")) or bool(
                re.search(r"supabase|client", dotted, re.IGNORECASE)
            )
            place = project.place(module, call)
            if re.fullmatch(r"@supabase/(ssr|auth-helpers[\w-]*)\.create\w+", origin) and not python:
                (server if "erver" in origin or "iddleware" in origin else helpers).append(place)
                paths.add(module.path)
            elif ours and (match := _AUTH_CALL.search(dotted)):
                auth.append(place)
                paths.add(module.path)
                if match[1].startswith("mfa."):
                    factors.append(place)
                if match[1] in ("signInWithOAuth", "sign_in_with_oauth"):
                    value = wiring.fold(
                        project,
                        wiring.member(project, wiring.argument(Spot(module, call.node, call.function), 0), "provider"),
                    )
                    if value is not None and value.known:
                        social.setdefault(str(value.value), place)
            elif ours and (
                used := re.search(
                    r"\.(storage|functions|realtime)(\.|$)|\.(from_?|rpc|table|channel)(\(\))?(\.|$)", dotted
                )
            ):
                other.setdefault("storage" if "storage" in used[0] else "data", place)
            if re.search(
                r"createClient$|create_client$|createServerClient$|acreate_client$", origin
            ) and origin.startswith(("@supabase/", "supabase")):
                words = " ".join(
                    str(node.value)
                    for item in call.node.arguments
                    for node in wiring.walk(item)
                    if node.kind in ("attribute", "name", "string")
                )
                followed = " ".join(
                    _key_names(project, Spot(module, item, call.function)) for item in call.node.arguments[1:2]
                )
                if (
                    re.search(r"service_?role|SERVICE_KEY|secret_?key", f"{words} {followed}", re.IGNORECASE)
                    and not python
                ):
                    yield finding(
                        "service_role",
                        "server-side admin client (service role key)",
                        project.proof(module.path),
                        [place],
                    )
    if auth or server or helpers:
        first = next(
            iter(
                version
                for name in ("@supabase/ssr", "@supabase/auth-helpers-nextjs")
                if (version := _listed(unit, name))
            ),
            "",
        )
        text = f"supabase auth ({first} cookies)" if (server or helpers) and first else "supabase auth"
        places = [
            *sorted(server, key=lambda place: not place.path.endswith(("server.ts", "server.js", "server-client.ts")))[
                :2
            ],
            *sorted(auth, key=lambda place: "middleware" not in place.path)[:3],
            *helpers[:1],
        ]
        proof = max(project.proof(place.path) for place in places)
        yield Way(text, places, proof, order=12)
        if social:
            yield finding("social", ", ".join(social), proof, list(social.values()))
    elif other:
        proof, places = wiring.best(project, _clients(project, unit, rule) or list(other.values()))
        if list(other) == ["storage"]:
            yield finding("supabase", "storage only, not auth", proof, [*places, *other.values()])
        else:
            yield finding("supabase", f"{' and '.join(other)} only, not auth", proof, [*places, *other.values()])
    if factors:
        proof, places = wiring.best(project, factors)
        yield finding("mfa", "TOTP by the sign-in service", proof, places)


def _key_names(project: Project, spot: Spot) -> str:
    found = wiring.follow(project, spot)
    value = project.fold(spot.module, spot.node, spot.function)
    names = [str(node.value) for node in wiring.walk(found.node) if node.kind in ("name", "attribute")]
    return " ".join([*names, value.env])


def _listed(unit: Unit, name: str) -> str:
    return name if any(one.dependency(name) is not None for one in (unit, *unit.libraries)) else ""


def _clients(project: Project, unit: Unit, rule: Rule) -> list[Place]:
    return [
        project.place(module, call)
        for module in importing_any(project, unit, *wiring.packages(rule))
        for call in module.calls
        if re.search(r"(createClient|create_client)$", project.origin(module, call.node.items[0], call.function))
    ]


# -- sessions ---------------------------------------------------------------------------------------------------------


def _sessions(project: Project, unit: Unit) -> Iterator[tuple[Finding, Way]]:
    stores: dict[str, str] = rules()["express-session"].extra["stores"]
    for rule in rules_of("session"):
        found = uses_of(project, unit, rule)
        if not found:
            continue
        configured = [use for use in found if use.options]
        use = (configured or found)[0]
        proof, places = wiring.best(project, [use.place])
        store = ""
        spot = option(project, use, "store")
        if spot is not None:
            store = next(
                (said for name, said in stores.items() if _comes_from(project, spot, name)), "a store of its own"
            )
        lasts = _age(project, use, rule)
        where = f" in {store}" if store else ""
        value = f"{rule.value}{where}" + (f", {lasts}" if lasts is not None else "")
        condition = wiring.condition(use.call.conditions) if use.call.conditions else ""
        condition = re.sub(r"^only (with|if) ", "only when ", condition)
        note = (
            "in the memory of the process"
            if rule.name in ("express-session", "fastify-session") and spot is None
            else ""
        )
        yield (
            finding(
                "session",
                value,
                proof,
                [*places, *([lasts.place] if lasts is not None else [])],
                condition=condition,
                note=note,
            ),
            Way(
                f"cookie session ({rule.value})" + (f", {lasts}" if lasts is not None else ""), places, proof, order=25
            ),
        )
        if lasts is not None:
            session = finding("session_lifetime", str(lasts), proof, [lasts.place, use.place], condition=condition)
            yield session, Way("", [], proof)


def _age(project: Project, use: Use, rule: Rule) -> Length | None:
    milliseconds = rule.name in ("express-session", "cookie-session", "fastify-session", "koa-session")
    for outer, key, bare in (
        ("cookie", "maxAge", 0.001 if milliseconds else 1),
        ("cookieOptions", "maxAge", 1),
        ("", "maxAge", 0.001),
        ("", "ttl", 1),
        ("", "expiry", 1),
    ):
        holder = option(project, use, outer) if outer else None
        spot = (
            wiring.member(project, holder, key) if holder is not None else None if outer else option(project, use, key)
        )
        if spot is not None:
            found = length(project, spot.module, spot.node, spot.function, bare)
            if found.seconds != 0:
                return found
    return None


def _comes_from(project: Project, spot: Spot, package: str) -> bool:
    where, node, inside = project.follow(spot.module, spot.node, spot.function)
    pending = [(where, node, inside)]
    kinds = ("call", "new", "name", "attribute")
    pending += [(where, item, inside) for item in wiring.walk(node) if item.kind in kinds]
    return any(project.origin(module, item, function).startswith(package) for module, item, function in pending)


# -- Next's middleware, hooks, guards ---------------------------------------------------------------------------------

_AUTHLIKE = re.compile(r"auth|session|supabase|clerk|token|jwt|login|kinde|getuser|signin|user", re.IGNORECASE)


def middlewares(project: Project, unit: Unit) -> list[Module]:
    """Give Next's middleware."""
    if not any("next" in one.npm for one in (unit, *unit.libraries)):
        return []
    return [
        module
        for module in project.modules(unit, "middleware.ts", "middleware.js", "proxy.ts", "proxy.js")
        if project.unit_of(module.path) is unit
        and posixpath.dirname(module.path[len(unit.folder) :].lstrip("/")) in ("", "src")
    ]


def guards(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what stands before handlers: Next's middleware, Fastify's hooks, Nest's guards and middleware."""
    for module in middlewares(project, unit):
        yield from _next_guard(project, module)
    yield from _hooks(project, unit)
    yield from _mounted(project, unit)
    yield from _nest(project, unit)


def _next_guard(project: Project, module: Module) -> Iterator[Finding]:
    calls = [call for call in module.calls if _AUTHLIKE.search(call.node.items[0].dotted)]
    names = [brought for brought in module.imports if _AUTHLIKE.search(f"{brought.module} {brought.local}")]
    if not calls and not names:
        return
    for brought in module.imports:
        if re.search(r"mfa|multi_?factor|two_?factor|2fa", brought.local, re.IGNORECASE):
            yield finding("mfa", "checked in middleware", Proof.RUNS, [Place(module.path, brought.line)])
            break
    place = next(
        (
            Place(module.path, function.line)
            for function in module.functions
            if function.name in ("middleware", "proxy", "default")
        ),
        Place(module.path, calls[0].node.line if calls else 1),
    )
    matched: list[str] = []
    where = place
    if (config := module.bindings.get("config")) is not None and (matcher := config.get("matcher")) is not None:
        value = project.fold(module, matcher)
        where = Place(module.path, matcher.line)
        if value.known:
            items = value.value if isinstance(value.value, list) else [value.value]
            matched = [
                str(item)
                for item in items
                if isinstance(item, str)
                and "(?!" not in item
                and item not in ("/", "/(.*)", "/:path*")
                and not item.startswith(("/(api|trpc)", "/((?"))
            ]
    if matched:
        shown = ", ".join(dict.fromkeys(re.sub(r"/:\w+\*?$|/?\(\.\*\)$|/\*$", "", path) for path in matched))
        yield finding("guard", f"middleware matcher {shown}", Proof.RUNS, [where, place])
        return
    prefixes: dict[str, Place] = {}
    for call in module.calls:
        name = call.node.items[0].dotted.rpartition(".")[2]
        arguments = call.node.arguments
        if name in ("startsWith", "createRouteMatcher", "URLPattern", "includes") and arguments:
            value = project.fold(module, arguments[0], call.function)
            if name == "URLPattern" and isinstance(value.value, dict):
                items = [value.value.get("pathname")]
            else:
                items = value.value if isinstance(value.value, list) else [value.value]
            for item in items if value.known else []:
                if (
                    isinstance(item, str)
                    and item.startswith("/")
                    and not re.match(r"/(:\w+/)?(_next|api/auth|login|sign|auth|register|static|favicon|public)", item)
                ):
                    prefixes.setdefault(re.sub(r"^/:locale(?=/)|/?\(\.\*\)$|/?\*\??$", "", item) or "/", value.place)
    if prefixes:
        yield finding("guard", f"middleware over {', '.join(prefixes)}", Proof.RUNS, [*prefixes.values(), place, where])
        return
    refreshing = [
        call for call in module.calls if re.search(r"update_?session|refresh", call.node.items[0].dotted, re.IGNORECASE)
    ]
    if refreshing:
        yield finding(
            "guard", "middleware refreshes the session", Proof.RUNS, [project.place(module, refreshing[0]), place]
        )
    else:
        yield finding("guard", "middleware", Proof.RUNS, [place, where], note="on nearly every path")


_GUARD_NAME = re.compile(
    r"^(auth|authenticate(?!d)\w*|authoriz\w*|auth_?(required|middleware|guard|user|jwt)|jwt_?auth|require_?(auth\w*|login|user|sign_?in)"
    r"|is_?(auth\w*|logged_?in|sign_?ed_?in)|ensure_?(auth\w*|logged_?in)|protect|(verify|check|validate)_?(token|jwt|auth\w*|user|session)|login_?required)$",
    re.IGNORECASE,
)
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "all", "use"})


def _mounted(project: Project, unit: Unit) -> Iterator[Finding]:
    """Middleware of Express, Koa and the like that is named after what it does."""
    over: dict[str, dict[str, Place]] = {}
    routes: dict[str, list[Place]] = {}
    for module in importing_any(
        project, unit, "express", "koa", "@koa/router", "koa-router", "hono", "restify", "express-promise-router"
    ):
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind != "attribute" or callee.value not in _VERBS or not call.node.arguments:
                continue
            first = (
                project.fold(module, call.node.arguments[0], call.function)
                if call.node.arguments[0].kind in ("string", "template")
                else None
            )
            if first is None and callee.value != "use" and ".route()" not in f".{callee.items[0].dotted}":
                continue
            handlers = call.node.arguments[1:] if first is not None else call.node.arguments
            if callee.value != "use":
                handlers = handlers[:-1]
            for node in [
                item for handler in handlers for item in (handler.items if handler.kind == "array" else [handler])
            ]:
                named = node.items[0] if node.kind == "call" else node
                name = named.dotted
                if named.kind not in ("name", "attribute") or not _GUARD_NAME.match(name.rpartition(".")[2]):
                    continue
                if name.rpartition(".")[0].rpartition(".")[2].lower().endswith("passport"):
                    name = _strategy_name(project, module, node, call)
                elif "Router" in project.origin(module, named, call.function):
                    name = ""
                elif callee.value == "use" and node.kind != "call" and name.rpartition(".")[2] == "auth":
                    name = name if project.find(module, named, call.function)[1].kind == "function" else ""
                if not name:
                    continue
                if callee.value == "use":
                    path = str(first.value) if first is not None and first.known else "its router"
                    over.setdefault(name, {}).setdefault(path, project.place(module, call))
                else:
                    routes.setdefault(name, []).append(project.place(module, call))
    for name in dict.fromkeys([*over, *routes]):
        paths, places = over.get(name, {}), routes.get(name, [])
        said = [
            *(
                [f"over {', '.join(list(paths)[:5])}{f' and {len(paths) - 5} more' if len(paths) > 5 else ''}"]
                if paths
                else []
            ),
            *([f"on {len(places)} route{'s' if len(places) > 1 else ''}"] if places else []),
        ]
        proof, best = wiring.best(project, [*paths.values(), *places])
        yield finding("auth_guard", f"{name} {' and '.join(said)}", proof, best)


def _strategy_name(project: Project, module: Module, node: Node, call: Call) -> str:
    """Name a strategy that guards routes, as against one that signs in."""
    value = project.fold(module, node.arguments[0], call.function) if node.kind == "call" and node.arguments else None
    said = str(value.value) if value is not None and value.known else ""
    return (
        f"passport.authenticate('{said}')" if re.search(r"jwt|bearer|api_?key|token|basic", said, re.IGNORECASE) else ""
    )


def _hooks(project: Project, unit: Unit) -> Iterator[Finding]:
    for module in mentioning(project, unit, "addHook"):
        for call in module.calls:
            arguments = call.node.arguments
            if (
                not call.node.items[0].dotted.endswith("addHook")
                or len(arguments) < 2
                or arguments[0].value not in ("onRequest", "preHandler", "preValidation", "preParsing")
            ):
                continue
            where, made, _ = project.follow(module, arguments[1], call.function)
            function = where.function(made)
            words = arguments[1].dotted
            if function is not None:
                inner = where.calls_in(function.number)
                words = " ".join(
                    [
                        function.name,
                        *(one.node.items[0].dotted for one in inner),
                        *(text for one in inner for text in one.conditions),
                    ]
                )
            if not re.search(r"auth|session\.|jwt|\buser\b|api_?key|token", words, re.IGNORECASE):
                continue
            scope = _prefix(module)
            yield finding(
                "auth_guard",
                f"{arguments[0].value} hook over {scope or 'its plugin'}",
                project.proof(module.path),
                [project.place(module, call)],
            )


def _prefix(module: Module) -> str:
    """Give the prefix of routes that Fastify's autoload makes of a file's folder."""
    parts = module.path.split("/")[:-1]
    for name in ("routes", "controllers", "modules"):
        if name in parts:
            inner = parts[parts.index(name) + 1 :]
            return "/" + "/".join(re.sub(r"^_(\w+)$", r"{\1}", part) for part in inner) if inner else ""
    return ""


def _nest(project: Project, unit: Unit) -> Iterator[Finding]:
    lists: dict[str, list[Place]] = {}
    for module in mentioning(project, unit, "forRoutes"):
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind != "attribute" or callee.value != "forRoutes":
                continue
            applied = callee.items[0]
            while (
                applied.kind == "call"
                and not applied.items[0].dotted.endswith(".apply")
                and applied.items[0].kind == "attribute"
            ):
                applied = applied.items[0].items[0]
            for node in applied.arguments if applied.kind == "call" else []:
                if re.search(r"auth|jwt|token|session|guard", node.dotted, re.IGNORECASE):
                    lists.setdefault(node.dotted, []).append(project.place(module, call))
    for name, places in lists.items():
        proof, best = wiring.best(project, places)
        yield finding("protected_routes", f"by consumer.apply({name}).forRoutes([...]) lists", proof, best)
    for module in mentioning(project, unit, "APP_GUARD"):
        for spot in wiring.spots(module):
            for node in wiring.walk(spot.node):
                provided = node.get("provide")
                held = node.get("useClass") or node.get("useExisting")
                if (
                    provided is not None
                    and provided.dotted == "APP_GUARD"
                    and held is not None
                    and not re.search(r"throttl", held.dotted, re.IGNORECASE)
                ):
                    yield finding(
                        "auth_guard",
                        f"{held.dotted}, on every route (APP_GUARD)",
                        project.proof(module.path),
                        [Place(module.path, node.line)],
                    )
    used: dict[str, list[Place]] = {}
    for module in mentioning(project, unit, "UseGuards"):
        for call in module.calls:
            if call.node.items[0].dotted == "UseGuards":
                for node in call.node.arguments:
                    name = node.dotted or "a guard"
                    if node.kind == "call" and node.arguments:
                        value = project.fold(module, node.arguments[0], call.function)
                        given = value.known and isinstance(value.value, str)
                        name = f"{node.items[0].dotted}('{value.value}')" if given else node.items[0].dotted
                    if not re.search(r"throttl", name, re.IGNORECASE):
                        used.setdefault(name, []).append(project.place(module, call))
    for name, places in used.items():
        proof, best = wiring.best(project, places)
        yield finding(
            "auth_guard",
            f"@UseGuards({name})",
            proof,
            best,
            scope=f"in {len(places)} place{'s' if len(places) > 1 else ''}",
        )


__all__ = ["NAMES", "Call", "guards", "header_of", "human", "imports_of", "kind", "ways"]
