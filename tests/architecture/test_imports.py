"""Who may import what, where import-linter cannot say it."""

import json
import subprocess
import sys

import pytest

from support.source import CLIENT, SERVER, product

HEAVY = {"torch", "diffusers", "peft", "transformers", "accelerate"}


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    code = (
        f"import sys, json\n{statement}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


# Modules that only site-packages' own start-up files bring, whatever is imported.
ALWAYS = loaded_by("pass") if CLIENT.is_dir() else set()


@pytest.mark.parametrize(
    "statement",
    [
        "import lorahub",
        "import lorahub; lorahub.pull, lorahub.push, lorahub.Hub",
        "import lorahub.cli",
        "import lorahub.cli.pull",
        "from lorahub.adapters import summarise, read_header, refuse_if_bad",
    ],
)
def test_the_light_client_needs_only_the_standard_library(statement):
    foreign = loaded_by(statement) - ALWAYS - sys.stdlib_module_names - {"lorahub"}
    assert foreign == set()


def test_the_web_process_never_loads_torch():
    assert loaded_by("import lorahub_server.app") & HEAVY == set()


def test_the_overview_of_server_commands_loads_no_framework():
    loaded = loaded_by("import lorahub_server.cli.overview")
    assert loaded & {*HEAVY, "fastapi", "sqlalchemy", "numpy"} == set()


def test_the_worker_loads_torch_only_with_an_engine():
    assert loaded_by("import lorahub_worker.__main__") & HEAVY == set()


def test_tables_and_queries_stay_inside_their_subject():
    """Doors call services: they neither read tables nor write SQL."""
    wrong = {}
    for source in product():
        if SERVER / "doors" not in source.path.parents:
            continue
        bad = {
            name
            for name in source.imports()
            if name.startswith("lorahub_server.") and ".queries" in name
        }
        bad |= {
            name
            for name in source.imports()
            if name.split(".")[0] == "sqlalchemy" and not name.startswith("sqlalchemy.orm")
        }
        if bad:
            wrong[source.name] = sorted(bad)
    assert wrong == {}


def test_programs_are_answered_without_the_pages():
    """What the doors share, such as addresses, lies beside them and not in the door of pages."""
    doors = SERVER / "doors"
    wrong = [
        f"{source.name}: {name}"
        for source in product()
        if {doors / "api", doors / "files", doors / "git"} & set(source.path.parents)
        for name in source.imports()
        if name.startswith("lorahub_server.doors.web")
    ]
    assert wrong == []


def test_there_are_no_import_circles():
    """At import time: what a module imports at its top level, transitively, is never itself."""
    import ast

    modules = {source.module: source for source in product()}
    edges: dict[str, set[str]] = {}
    for name, source in modules.items():
        wanted: set[str] = set()
        for node in source.tree.body:
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                # `from package import module` needs the module, the rest needs the package.
                wanted |= {item if item in modules else node.module for item in full}
        edges[name] = {item for item in wanted if item in modules and item != name}
    assert circles(edges) == []


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
            return
        if name in done:
            return
        for other in sorted(edges[name]):
            visit(other, [*path, name])
        done.add(name)

    for name in sorted(edges):
        visit(name, [])
    return found


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c", "a"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
