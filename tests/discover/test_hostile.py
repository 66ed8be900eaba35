"""Codebases that want to harm: nothing runs, nothing leaks, nothing hangs, and nothing is written."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from discover.engine import NotFoundError, UnitNeededError, discover
from discover.tree import MAX_FILE_BYTES, Tree
from discover.workers import TaskError, Workers, processor_seconds

SECRET = "planted-9f8e7d6c5b4a39281706f5e4d3c2b1a0"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def everything(root: Path, out: Path) -> str:
    """Run the command as a person would, and give all that it printed and wrote."""
    command = [sys.executable, "-m", "discover.cli", str(root), "--out", str(out)]
    texts = []
    for more in ([], ["--json"]):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        texts += [done.stdout, done.stderr]
    return "\n".join([*texts, *(path.read_text(encoding="utf-8") for path in sorted(out.rglob("*")) if path.is_file())])


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in sorted(root.rglob("*"))}


def test_no_secret_is_printed_whatever_file_it_stands_in(tmp_path: Path) -> None:
    root = write(
        tmp_path / "code",
        {
            "package.json": json.dumps(
                {
                    "name": "shop",
                    "main": "src/app.js",
                    "dependencies": {
                        "express": "5",
                        "jsonwebtoken": "9",
                        "express-session": "1",
                        "cors": "2",
                        "mysql2": "3",
                        "knex": "3",
                    },
                }
            ),
            "src/app.js": f"""
const express = require('express');
const jwt = require('jsonwebtoken');
const session = require('express-session');
const cors = require('cors');
const knex = require('knex')({{ client: 'mysql2', connection: 'mysql://root:{SECRET}@localhost/shop' }});
const app = express();
const secret = process.env.JWT_SECRET || '{SECRET}';
app.use(cors({{ origin: compute('{SECRET}').token }}));
app.use(session({{ secret: '{SECRET}', cookie: {{ maxAge: lifetime('{SECRET}', token) }} }}));
app.post('/login', (req, res) => res.json(jwt.sign({{ id: 1 }}, '{SECRET}', {{ expiresIn: apiKey('{SECRET}') }})));
app.get('/x', (req, res) => jwt.verify(req.query.t, secret));
app.listen(3000);
""",
            "src/key.js": f"exports.key = `-----BEGIN RSA PRIVATE KEY-----\\n{SECRET}\\n-----END RSA PRIVATE KEY-----`;",
            ".env": f"JWT_SECRET={SECRET}\n",
            ".env.production": f"JWT_SECRET={SECRET}\n",
            ".env.example": f"JWT_SECRET={SECRET}\nPORT=3000\n",
            "config/server.pem": SECRET,
            "docker-compose.yml": f"services:\n  app:\n    build: .\n    environment:\n      JWT_SECRET: {SECRET}\n  db:\n    image: mysql:8\n    environment:\n      MYSQL_ROOT_PASSWORD: {SECRET}\n",
            "Dockerfile": f'FROM node:22\nENV API_TOKEN={SECRET}\nCMD ["node", "src/app.js"]\n',
            ".github/workflows/ci.yml": f"on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    env:\n      TOKEN: {SECRET}\n    steps:\n      - run: npm test\n",
        },
    )
    assert SECRET not in everything(root, tmp_path / "out")


def test_no_secret_of_a_python_service_is_printed(tmp_path: Path) -> None:
    root = write(
        tmp_path / "code",
        {
            "requirements.txt": "fastapi\nsqlalchemy\npyjwt\npsycopg2\n",
            "main.py": f"""
import jwt
from fastapi import FastAPI
from sqlalchemy import create_engine
app = FastAPI()
SECRET_KEY = "{SECRET}"
engine = create_engine("postgresql://root:{SECRET}@db/shop")
@app.get("/token")
def token():
    return jwt.encode({{"sub": "1"}}, SECRET_KEY, algorithm="HS256")
@app.get("/me")
def me(t: str):
    return jwt.decode(t, "{SECRET}")
""",
            "settings.py": f"SECRET_KEY = 'django-insecure-{SECRET}'\nDATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'PASSWORD': '{SECRET}'}}}}\n",
        },
    )
    assert SECRET not in everything(root, tmp_path / "out")


def test_nothing_of_the_codebase_is_executed_or_written(tmp_path: Path) -> None:
    planted = tmp_path / "executed"
    python = f"open({str(planted)!r}, 'w').write('ran')\n"
    script = f"require('fs').writeFileSync({str(planted)!r}, 'ran')\n"
    root = write(
        tmp_path / "code",
        {
            "setup.py": f"{python}from setuptools import setup\nsetup(name='x', install_requires=['flask'])\n",
            "conftest.py": python,
            "sitecustomize.py": python,
            "yaml.py": python,
            "tree_sitter.py": python,
            "app/__init__.py": f"{python}from flask import Flask\napp = Flask(__name__)\n",
            "drizzle.config.ts": f"{script}export default {{ dialect: 'postgresql', schema: './schema.ts' }}\n",
            "schema.ts": "import {{ pgTable, text }} from 'drizzle-orm/pg-core'\n",
            "next.config.js": script,
            "package.json": json.dumps(
                {
                    "name": "x",
                    "scripts": {"postinstall": f"touch {planted}", "prepare": f"touch {planted}"},
                    "dependencies": {"express": "5", "drizzle-orm": "1"},
                }
            ),
            ".github/workflows/x.yml": f"x: !!python/object/apply:os.system ['touch {planted}']\n",
            "docker-compose.yml": f"services: !!python/object/apply:os.system ['touch {planted}']\n",
        },
    )
    before = snapshot(root)
    done = subprocess.run(
        [sys.executable, "-m", "discover.cli", ".", "--out", str(tmp_path / "out")],
        cwd=root, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not planted.exists()
    assert snapshot(root) == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = write(
        tmp_path / "outside",
        {"app.js": f"require('express')().get('/{SECRET}', f)", "secret.yml": f"password: {SECRET}"},
    )
    root = write(
        tmp_path / "code",
        {"package.json": json.dumps({"name": "x", "main": "app.js", "dependencies": {"express": "5"}})},
    )
    (root / "app.js").symlink_to(outside / "app.js")
    (root / "more").symlink_to(outside)
    (root / "docker-compose.yml").symlink_to(outside / "secret.yml")
    (root / "circle").symlink_to(root)
    result = discover(root, strict=True)
    assert not result.routes
    assert {"app.js", "more", "docker-compose.yml", "circle"} <= result.unread.keys()
    assert SECRET not in everything(root, tmp_path / "out")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
def test_a_pipe_in_the_tree_does_not_hang(tmp_path: Path) -> None:
    root = write(tmp_path, {"package.json": "{}"})
    os.mkfifo(root / "app.js")
    os.mkfifo(root / "docker-compose.yml")
    assert "app.js" in discover(root).unread


HOSTILE: dict[str, Callable[[], str]] = {
    "minus.js": lambda: "const x = " + "-" * 100_000 + "1;",
    "minus.ts": lambda: "const x = " + "- " * 100_000 + "1;",
    "minus.py": lambda: "x = " + "-" * 100_000 + "1\n",
    "parentheses.js": lambda: "f(" * 20_000 + ")" * 20_000,
    "parentheses.ts": lambda: "const x = " + "(" * 20_000 + "1" + ")" * 20_000,
    "parentheses.py": lambda: "(" * 20_000 + ")" * 20_000,
    "template.js": lambda: "const a = `${" * 3_000,
    "template.ts": lambda: "`" + "${`" * 5_000,
    "generics.ts": lambda: "type A = " + "Array<" * 5_000 + "string" + ">" * 5_000,
    "chain.js": lambda: "app" + ".get('/x', f)" * 20_000,
    "concat.py": lambda: "x = " + " + ".join(["'a'"] * 50_000),
    "concat.js": lambda: "const x = " + " + ".join(["'a'"] * 50_000),
    "circle.js": lambda: "const a = b; const b = c; const c = a; require('express')().use(a, b.c.d);",
    "self.py": lambda: "import self\nfrom self import *\na = a.b\nb = a\na = b\n",
    "migrations/0001.sql": lambda: "INSERT INTO t VALUES (1, 'a');\n" * 65_000,
    "migrations/0002.sql": lambda: "CREATE TABLE t (a int DEFAULT " + "(" * 5_000 + "1" + ")" * 5_000 + ");",
    "migrations/0003.sql": lambda: "SELECT $$" * 4_000 + "'" * 999,
    "migrations/0004.sql": lambda: "CREATE TABLE u (" + ",".join(f"c{n} text" for n in range(5_000)) + ");",
    "prisma/schema.prisma": lambda: "model A {\n" + "  a A[] @relation(" * 20_000,
    "docker-compose.yml": lambda: (
        "a: &a [x,x]\n"
        + "".join(
            f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'},*{'a' if n == 0 else f'b{n - 1}'}]\n" for n in range(40)
        )
    ),
    ".github/workflows/deep.yml": lambda: "[" * 50_000,
    ".gitlab-ci.yml": lambda: "a:\n" * 3 + "{" * 30_000,
    "tsconfig.json": lambda: "[" * 100_000,
    "package-lock.json": lambda: '{"a":' * 50_000,
    "Dockerfile": lambda: "RUN a \\\n" * 100_000,
    "nginx.conf": lambda: "{" * 100_000,
    "requirements.txt": lambda: "-r requirements.txt\n" + "a" * 200_000,
    "Procfile": lambda: "web: " + "node " * 100_000,
    "grafana.json": lambda: json.dumps({"panels": [{"title": "x" * 1000, "panels": []}] * 1000}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends_with_a_sentence(tmp_path: Path, name: str) -> None:
    files = {
        "package.json": json.dumps(
            {"name": "x", "main": "index.js", "dependencies": {"express": "5", "@prisma/client": "6", "pg": "8"}}
        ),
        "index.js": "const app = require('express')(); app.get('/still-here', h);",
        "requirements/base.txt": "flask\nsqlalchemy\n",
    }
    root = write(tmp_path, files | {name: HOSTILE[name]()})
    result = discover(root, strict=True)
    assert "GET /still-here" in [f"{route.method} {route.path}" for route in result.routes]
    assert all(re.match(r"[a-z\d]", why) and len(why) < 120 for why in result.unread.values())


def test_a_file_that_is_too_large_is_counted_and_not_read(tmp_path: Path) -> None:
    root = write(tmp_path, {"package.json": "{}", "big.js": "//" + "x" * (MAX_FILE_BYTES + 10)})
    assert discover(root).unread["big.js"] == "larger than 2 MB"


def test_nothing_is_called_absent_where_a_source_could_not_be_read(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "package.json": json.dumps({"name": "x", "dependencies": {"express": "5"}}),
            "app.js": "//" + "x" * (MAX_FILE_BYTES + 10),
        },
    )
    assert not [found for found in discover(root).findings if found.value == "absent"]


def test_nothing_is_called_absent_where_code_is_generated_later(tmp_path: Path) -> None:
    files = {
        "cookiecutter.json": "{}",
        "{{cookiecutter.name}}/app.py": "from flask import Flask\napp = Flask(__name__)\n",
    }
    result = discover(write(tmp_path, files), strict=True)
    assert result.unread == {"{{cookiecutter.name}}/app.py": "a template that code is generated from"}
    assert not [found for found in result.findings if found.value == "absent" or found.key == "framework"]


def test_a_path_that_is_no_codebase_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is no folder"):
        discover(tmp_path / "nowhere")
    with pytest.raises(NotFoundError, match="has no files"):
        discover(tmp_path)


def test_several_services_are_listed_and_never_merged(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            f"apps/{name}/package.json": json.dumps({"name": name, "dependencies": {"express": "5"}})
            for name in ("orders", "users")
        },
    )
    with pytest.raises(UnitNeededError, match=r"(?s)2 services.*--unit apps/orders.*--unit apps/users"):
        discover(root)
    assert discover(root, unit="apps/users").unit.name == "users"
    with pytest.raises(UnitNeededError, match=r"No unit is called 'x'\. There are: "):
        discover(root, unit="x")


def test_the_limits_of_a_walk_hold(tmp_path: Path) -> None:
    root = write(tmp_path, {f"{'d/' * 60}deep.js": "", **{f"many/{number}.js": "" for number in range(50)}})
    tree = Tree.walk(root, max_files=20)
    assert len(tree.files) <= 20
    assert any("limit" in why for why in tree.skipped.values())
    assert any("deeper" in why for why in Tree.walk(root).skipped.values())


def test_the_command_stays_within_its_memory(tmp_path: Path) -> None:
    body = "".join(
        f"router.get('/r{number}', auth, (req, res) => res.json({{ a: {number}, b: 'x' }}));\n" for number in range(120)
    )
    files = {
        f"src/routes/r{number}.js": f"const router = require('express').Router();\n{body}module.exports = router;\n"
        for number in range(300)
    }
    index = "const app = require('express')();\n" + "".join(
        f"app.use('/a{number}', require('./routes/r{number}'));\n" for number in range(300)
    )
    root = write(
        tmp_path / "code",
        files
        | {
            "src/index.js": index,
            "package.json": json.dumps({"name": "x", "main": "src/index.js", "dependencies": {"express": "5"}}),
        },
    )
    done = subprocess.run(
        [sys.executable, "-m", "discover.cli", str(root), "--out", str(tmp_path / "out"), "--quiet"],
        capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 500_000


@pytest.mark.skipif(
    processor_seconds(os.getpid()) < 0, reason="this system does not tell the processor time of a process"
)
def test_what_waits_for_a_busy_machine_goes_on_and_what_computes_without_end_is_ended() -> None:
    with Workers(count=1, seconds=1) as workers:
        assert workers.run("time:sleep", 1.5) is None
        with pytest.raises(TaskError, match="took longer than 1 s"):
            workers.run("operator:pow", 7, 10**10)
        assert workers.run("operator:add", 1, 2) == 3
