"""The project's own source, parsed once."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client" / "lorahub"
SERVER = ROOT / "backend" / "lorahub_server"
WORKER = ROOT / "worker" / "lorahub_worker"


@dataclass(frozen=True)
class Source:
    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def module(self) -> str:
        """The dotted name that it is imported by."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts[1:]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def imports(self) -> set[str]:
        """Every module that is imported anywhere in it, by full name."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        return found

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]


@cache
def parse(path: Path) -> Source:
    text = path.read_text()
    return Source(path, text, ast.parse(text))


@cache
def product() -> tuple[Source, ...]:
    """What is shipped: client, server and worker."""
    folders = (CLIENT, SERVER, WORKER)
    return tuple(parse(path) for folder in folders for path in sorted(folder.rglob("*.py")))


@cache
def everything() -> tuple[Source, ...]:
    more = (ROOT / "tests", ROOT / "migrations", ROOT / ".ci")
    others = (parse(path) for folder in more for path in sorted(folder.rglob("*.py")))
    return (*product(), *others)


def files_of_text() -> list[Path]:
    """Everything people wrote, whatever its kind; nothing generated and nothing vendored."""
    kinds = {".py", ".md", ".html", ".css", ".js", ".yml", ".yaml", ".toml", ".ini", ".sh"}
    skipped = {"vendor", "node_modules", "__pycache__", "dist", "build", "data"}
    found = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts)
        if path.suffix in kinds and not hidden and not skipped & set(parts):
            found.append(path)
    return found
