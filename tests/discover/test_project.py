"""Names and constants are followed as the language would, and no further than they stand in the code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from codebases import Codebase, opened

from discover.code import Call, Module
from discover.findings import Proof
from discover.project import Project
from discover.workers import Workers


@pytest.fixture
def codebase(tmp_path: Path) -> Iterator[Codebase]:
    """Write files into a folder, and open it."""
    with Workers(count=1) as workers:
        yield lambda files: opened(tmp_path, files, workers)


def last(project: Project, path: str) -> tuple[Module, Call]:
    module = project.module(path)
    assert module is not None
    return module, next(
        call for call in module.calls if call.node.items[0].dotted.rpartition(".")[2] in ("probe", "shown")
    )


def origin(project: Project, path: str) -> str:
    """Give the origin of the first argument of the call `probe(…)`."""
    module, call = last(project, path)
    return project.origin(module, call.node.arguments[0], call.function)


def worth(project: Project, path: str) -> str:
    module, call = last(project, path)
    return str(project.fold(module, call.node.arguments[0], call.function))


ORIGINS = {
    "import express from 'express'; probe(express)": "express",
    "import { Router } from 'express'; probe(Router().get)": "express.Router().get",
    "import { Router as R } from 'express'; const r = R(); probe(r.get)": "express.Router().get",
    "const express = require('express'); const app = express(); probe(app.use)": "express().use",
    "const { Router } = require('express'); probe(Router)": "express.Router",
    "import * as Sentry from '@sentry/node'; probe(Sentry.init)": "@sentry/node.init",
    "import { randomBytes } from 'node:crypto'; probe(randomBytes)": "crypto.randomBytes",
    "import crypto from 'crypto'; probe(crypto.createHash('md5').update)": "crypto.createHash().update",
    "import { made } from './made'; probe(made.use)": "express().use",
    "import made from './made'; probe(made.use)": "express().use",
    "import { again } from './barrel'; probe(again.use)": "express().use",
    "import * as all from './barrel'; probe(all.again.use)": "express().use",
    "import { make } from './made'; probe(make().use)": "express().use",
    "const common = require('./common'); probe(common.router.get)": "express.Router().get",
    "const { router } = require('./common'); probe(router.get)": "express.Router().get",
    "async function f() { const { Client } = await import('openid-client'); probe(Client) }": "openid-client.Client",
    "import type { FastifyInstance } from 'fastify'; function f(app: FastifyInstance) { probe(app.get) }": "<fastify.FastifyInstance>.get",
    "export default async function (fastify) { probe(fastify.get) }": "?fastify.get",
    "function f(express) { probe(express()) }": "?express()",
    "probe(console.log)": "console.log",
    "import { Pool } from 'pg'; class A { pool = new Pool(); f() { probe(this.pool.query) } }": "pg.Pool().query",
    "import { JwtService } from '@nestjs/jwt'; class A { constructor(private jwt: JwtService) {} f() { probe(this.jwt.sign) } }": "<@nestjs/jwt.JwtService>.sign",
    "import limit from '@/limit'; probe(limit)": "express-rate-limit()",
    "import { thing } from '#inner'; probe(thing)": "koa()",
    "let app; app = app || 1; probe(app)": "app.ts#app",
}
FILES = {
    "package.json": '{"name": "x", "imports": {"#inner": "./inner.js"}, "dependencies": {"express": "5"}}',
    "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}, /* said */ },}',
    "made.ts": "import express from 'express'; export const made = express(); export default made; export function make() { return express() }",
    "barrel.ts": "export * from './second'",
    "second.ts": "export { made as again } from './made'",
    "common.js": "const { Router } = require('express'); module.exports = { router: Router() }",
    "src/limit.ts": "import rateLimit from 'express-rate-limit'; export default rateLimit({ max: 5 })",
    "inner.js": "import Koa from 'koa'; export const thing = new Koa()",
}


@pytest.mark.parametrize("code", ORIGINS)
def test_a_name_is_followed_to_its_package(codebase: Codebase, code: str) -> None:
    assert origin(codebase(FILES | {"app.ts": code}), "app.ts") == ORIGINS[code]


PYTHON_ORIGINS = {
    "from flask import Flask\napp = Flask(__name__)\nprobe(app.route)": "flask.Flask().route",
    "import flask\nprobe(flask.Flask)": "flask.Flask",
    "import os.path\nprobe(os.path.join)": "os.path.join",
    "from pkg import db\nprobe(db.Column)": "flask_sqlalchemy.SQLAlchemy().Column",
    "from pkg.base import *\nprobe(Column)": "flask_sqlalchemy.SQLAlchemy().Column",
    "from .pkg.base import Column as C\nprobe(C)": "flask_sqlalchemy.SQLAlchemy().Column",
    "import pkg.base\nprobe(pkg.base.db.Model)": "flask_sqlalchemy.SQLAlchemy().Model",
    "from pkg import base\nprobe(base.db.Model)": "flask_sqlalchemy.SQLAlchemy().Model",
    "from fastapi import FastAPI\ndef f(app: FastAPI):\n    probe(app.get)": "<fastapi.FastAPI>.get",
    "from pkg.base import make\nprobe(make().get)": "fastapi.FastAPI().get",
}
PYTHON_FILES = {
    "requirements.txt": "flask\nfastapi\n",
    "pkg/__init__.py": "from .base import db\n",
    "pkg/base.py": "from flask_sqlalchemy import SQLAlchemy\nfrom fastapi import FastAPI\ndb = SQLAlchemy()\nColumn = db.Column\ndef make():\n    app = FastAPI()\n    return app\n",
}


@pytest.mark.parametrize("code", PYTHON_ORIGINS)
def test_a_python_name_is_followed_to_its_package(codebase: Codebase, code: str) -> None:
    assert origin(codebase(PYTHON_FILES | {"app.py": code}), "app.py") == PYTHON_ORIGINS[code]


WORTH = {
    "probe(15 * 60 * 1000)": "900000",
    "probe(-1)": "-1",
    "probe(`/api/v${1 + 1}`)": "/api/v2",
    "probe('a' + 1)": "a1",
    "const n = 5; probe(n)": "5",
    "probe(process.env.LIMIT || 20)": "20 (default of LIMIT)",
    "probe(parseInt(process.env.LIMIT ?? '20', 10))": "20 (default of LIMIT)",
    "const { LIMIT = 20 } = process.env; probe(compute(LIMIT))": "unknown (compute(LIMIT) at app.ts:1)",
    "probe(process.env.NOWHERE)": "unknown (process.env.NOWHERE at app.ts:1)",
    "probe(Date.now())": "unknown (Date.now() at app.ts:1)",
    "import config from './config'; probe(config.limits.max)": "100",
    "import { limits } from './config'; probe(limits['max'] / 2)": "50",
    "import config from './config'; probe(config.jwt.minutes)": "30 (default of JWT_MINUTES)",
    "import { env } from './config'; probe(env.JWT_MINUTES * 60)": "1800 (default of JWT_MINUTES)",
    "const minutes = (n: number) => n; probe(minutes(5))": "5",
    "const later = (n: number) => n * clock(); probe(later(5))": "unknown (later(5) at app.ts:1)",
    "const limit = () => 7; probe(limit())": "7",
    "enum Role { admin = 'admin', user = 'user' } probe(Role.user)": "user",
    "probe(Object.freeze({ a: 3 }).a)": "3",
    "probe(['a', 'b'].join('-'))": "a-b",
    "const a = b; const b = a; probe(a)": "unknown (a at app.ts:1)",
    "probe(process.env.SECRET_KEY + 'hidden')": 'unknown (process.env.SECRET_KEY + "…" at app.ts:1)',
    "probe(2 ** 100000)": "unknown (2 ** 100000 at app.ts:1)",
}
CONFIG = """
import Joi from 'joi';
const schema = Joi.object().keys({ JWT_MINUTES: Joi.number().default(30).description('x'), PORT: Joi.number().required() });
const { value: envVars } = schema.validate(process.env);
export const env = envVars;
export const limits = { max: 100 };
export default { limits, jwt: { minutes: envVars.JWT_MINUTES } };
"""


@pytest.mark.parametrize("code", WORTH)
def test_an_expression_is_worth_what_the_code_says(codebase: Codebase, code: str) -> None:
    assert worth(codebase(FILES | {"app.ts": code, "config.ts": CONFIG}), "app.ts") == WORTH[code]


PYTHON_WORTH = {
    "probe(60 * 24)": "1440",
    "import os\nprobe(int(os.getenv('LIMIT', '20')))": "20 (default of LIMIT)",
    "import os\nprobe(os.environ.get('LIMIT', 5))": "5 (default of LIMIT)",
    "import os\nprobe(os.environ['LIMIT'])": 'unknown (os.environ["LIMIT"] at app.py:1)',
    "from conf import settings\nprobe(settings.MINUTES)": "30",
    "from conf import settings\nprobe(settings.BASE)": "7",
    "from decouple import config\nprobe(config('N', default=3, cast=int))": "3 (default of N)",
    "probe('{0}.{1}'.format('a', 'b'))": "a.b",
    "x = 'v1'\nprobe(f'/api/{x}')": "/api/v1",
}


@pytest.mark.parametrize("code", PYTHON_WORTH)
def test_a_python_expression_is_worth_what_the_code_says(codebase: Codebase, code: str) -> None:
    conf = "class Base:\n    BASE = 7\nclass Settings(Base):\n    MINUTES: int = 30\nsettings = Settings()\n"
    wanted = PYTHON_WORTH[code].replace("app.py:1", f"app.py:{code.count(chr(10)) + 1}")
    assert worth(codebase({"requirements.txt": "flask\n", "conf.py": conf, "app.py": code}), "app.py") == wanted


REACHED: dict[str, tuple[dict[str, str], str, str]] = {
    "the start script": ({"package.json": '{"scripts": {"start": "node lib/x.js"}}', "lib/x.js": "require('./a')", "lib/a.js": "f()", "lib/b.js": "f()"}, "lib/a.js", "lib/b.js"),
    "the compiled start": ({"package.json": '{"scripts": {"start": "node dist/main.js"}}', "src/main.ts": "import './a'", "src/a.ts": "f()", "src/b.ts": "f()"}, "src/a.ts", "src/b.ts"),
    "uvicorn": ({"requirements.txt": "fastapi", "Dockerfile": 'CMD ["uvicorn", "app.main:app"]', "app/main.py": "from app import a", "app/a.py": "f()", "app/b.py": "f()"}, "app/a.py", "app/b.py"),
    "Django's apps": ({"requirements.txt": "django", "manage.py": "x = 'conf.settings'", "conf/settings.py": "INSTALLED_APPS = ['shop.apps.ShopConfig']", "shop/apps.py": "", "shop/models.py": "f()", "shop/__init__.py": "", "old/models.py": "f()", "conf/__init__.py": "", "old/__init__.py": ""}, "shop/models.py", "old/models.py"),
}  # fmt: skip


@pytest.mark.parametrize("name", REACHED)
def test_what_an_entry_point_reaches_runs(codebase: Codebase, name: str) -> None:
    files, reached, aside = REACHED[name]
    project = codebase(files)
    assert project.proof(reached) is Proof.RUNS
    assert project.proof(aside) is Proof.USED


def test_workspace_packages_are_followed(codebase: Codebase) -> None:
    project = codebase(
        {
            "package.json": '{"name": "root", "workspaces": ["apps/*", "packages/*"]}',
            "apps/web/package.json": '{"name": "web", "dependencies": {"express": "5", "@kit/log": "workspace:*"}}',
            "apps/web/app.ts": "import { logger } from '@kit/log'; import { deep } from '@kit/log/deep'; probe(logger.info, deep)",
            "packages/log/package.json": '{"name": "@kit/log", "exports": {".": "./src/index.ts", "./*": "./src/*.ts"}, "dependencies": {"pino": "9"}}',
            "packages/log/src/index.ts": "import pino from 'pino'; export const logger = pino()",
            "packages/log/src/deep.ts": "export const deep = 1",
        }
    )
    assert origin(project, "apps/web/app.ts") == "pino().info"
    web = next(unit for unit in project.units if unit.name == "web")
    assert [unit.name for unit in web.libraries] == ["@kit/log"]
    assert [module.path for module in project.importing(web, "pino")] == ["packages/log/src/index.ts"]


def listed(unit_files: dict[str, str], codebase: Codebase) -> dict[str, Any]:
    unit = codebase(unit_files).units[0]
    return {name: (item.version, item.group, item.place.line) for name, item in (unit.npm | unit.pypi).items()}


def test_dependencies_are_read_as_each_tool_writes_them(codebase: Codebase) -> None:
    found = listed(
        {
            "pyproject.toml": '[project]\nname = "x"\ndependencies = [\n  "Flask-SQLAlchemy[asyncio]>=3; python_version > \'3\'",\n]\n[dependency-groups]\ndev = ["ruff"]\n[tool.poetry.dependencies]\npython = "3"\nPyJWT = { version = "2" }\n',
            "requirements.txt": "-r requirements/base.txt\n",
            "requirements/base.txt": "# celery\ndjango==5.2 # the framework\n",
            "requirements/dev.txt": "pytest\n",
            "setup.cfg": "[options]\ninstall_requires =\n  gunicorn\n",
        },
        codebase,
    )
    assert found == {
        "flask-sqlalchemy": (">=3", "runtime", 4),
        "ruff": ("", "dev", 7),
        "pyjwt": ("2", "runtime", 10),
        "django": ("==5.2", "runtime", 2),
        "pytest": ("", "dev", 1),
        "gunicorn": ("", "runtime", 3),
    }


def test_a_catalog_of_pnpm_names_the_version(codebase: Codebase) -> None:
    found = listed(
        {
            "pnpm-workspace.yaml": "packages: ['packages/**']\ncatalog:\n  express: ^5.1\n",
            "package.json": '{"dependencies": {"express": "catalog:"}}',
        },
        codebase,
    )
    assert found == {"express": ("^5.1", "runtime", 1)}
