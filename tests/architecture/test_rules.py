"""Rules of the house that a linter does not know."""

import ast
import re

from support.source import ROOT, SERVER, everything, files_of_text, product

# Loading any of these can run a stranger's program.
UNPICKLERS = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
UNSAFE_CALLS = {"torch.load", "numpy.load", "np.load", "yaml.load", "yaml.unsafe_load", "eval"}
SQL_KIT = SERVER / "kit" / "db.py"


def calls(tree: ast.AST) -> list[tuple[int, str]]:
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [(node.lineno, ast.unparse(node.func)) for node in found]


def test_no_pickle_is_ever_loaded():
    wrong = []
    for source in product():
        roots = {name.partition(".")[0] for name in source.imports()}
        wrong += [f"{source.name}: {name}" for name in roots & UNPICKLERS]
        wrong += [
            f"{source.name}:{line} {name}"
            for line, name in calls(source.tree)
            if name in UNSAFE_CALLS or name in {"exec", "compile", "__import__"}
        ]
    assert wrong == []


def test_only_the_kit_commits():
    """One transaction a request or job: it commits where it began."""
    wrong = [
        f"{source.name}:{line} {name}"
        for source in product()
        if source.path != SQL_KIT
        for line, name in calls(source.tree)
        if re.search(r"(session|connection|conn|db|tx)\.(commit|rollback)$", name)
    ]
    assert wrong == []


def test_nothing_is_put_off_or_silenced():
    marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "# no" + "qa", "# type: " + "ignore"]
    marks += ["@pytest.mark.x" + "fail", "# pragma: no " + "cover"]
    wrong = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in files_of_text()
        for mark in marks
        if mark in path.read_text()
    ]
    assert wrong == []


def test_skips_say_what_is_missing():
    """Only support.programs skips, because it also knows when skipping is forbidden."""
    wrong = [
        f"{source.name}:{line}"
        for source in everything()
        if source.path.name != "programs.py"
        for line, name in calls(source.tree)
        if name in {"pytest.skip", "pytest.mark.skip", "unittest.skip"}
    ]
    assert wrong == []


def test_every_package_is_typed():
    for package in ("client/lorahub", "backend/lorahub_server", "worker/lorahub_worker"):
        assert (ROOT / package / "py.typed").is_file()


def test_templates_carry_no_code_of_their_own():
    """The pages' policy forbids inline scripts and styles; they would silently not work.

    Facts for search engines are no script: browsers don't run that type.
    """
    facts = r'(?! type="application/ld\+json">)'
    inline = {
        "script": re.compile(rf"<script(?![^>]*\bsrc=){facts}[^>]*>", re.IGNORECASE),
        "style": re.compile(r"<style\b", re.IGNORECASE),
        "style attribute": re.compile(r"<[^>{}]+\sstyle\s*=", re.IGNORECASE),
        "handler": re.compile(r"<[^>{}]+\son[a-z]+\s*=", re.IGNORECASE),
        "address": re.compile(r"""(href|src|action)\s*=\s*["']javascript:""", re.IGNORECASE),
        "unescaped": re.compile(r"\|\s*safe\b|autoescape\s+false"),
    }
    wrong = []
    for template in sorted((SERVER / "doors" / "web" / "templates").rglob("*.html")):
        text = template.read_text()
        for what, pattern in inline.items():
            wrong += [f"{template.name}: {what}: {m[0][:60]}" for m in pattern.finditer(text)]
    assert wrong == []


def test_pages_load_nothing_from_elsewhere():
    """A hub works on a closed network, and tells nobody who reads it."""
    outside = re.compile(r"""(?:src|href)\s*=\s*["'](?:https?:)?//|url\(\s*["']?(?:https?:)?//""")
    links = re.compile(r"<a\b[^>]*>", re.IGNORECASE)
    wrong = []
    web = SERVER / "doors" / "web"
    for path in [*web.rglob("*.html"), *web.rglob("*.css")]:
        if outside.search(links.sub("", path.read_text())):
            wrong.append(path.name)
    assert wrong == []


def test_forms_that_change_things_carry_a_csrf_token():
    form = re.compile(r"<form\b[^>]*method\s*=\s*[\"']?post.*?</form>", re.IGNORECASE | re.DOTALL)
    wrong = []
    for template in sorted((SERVER / "doors" / "web" / "templates").rglob("*.html")):
        for found in form.finditer(template.read_text()):
            if "csrf" not in found[0]:
                wrong.append(f"{template.name}: {found[0][:80]}")
    assert wrong == []
