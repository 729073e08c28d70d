"""`lorahub info`."""

from collections.abc import Sequence

from lorahub.cli.common import Parser, add_hub, add_output, facts, print_json, table
from lorahub.errors import NotAllowed
from lorahub.hub import Hub, hub_for
from lorahub.models import Manifest, Repo
from lorahub.names import Target
from lorahub.progress import size

_SHORT_HASH = 10


def run(words: Sequence[str]) -> int:
    parser = Parser("info", "Show what the hub knows about a repository, and its files.")
    parser.add_argument("repo", metavar="OWNER/NAME[@REVISION]", help="or the page's address")
    add_hub(parser)
    add_output(parser, quiet=False)
    options = parser.parse(words)
    target = Target.parse(options.repo)
    with hub_for(target.endpoint, options.endpoint, None) as hub:
        repo = hub.get_repo(str(target.repo))
        manifest = None
        if repo.revision or target.revision:
            manifest = _manifest(hub, repo, target.revision or "HEAD")
    page = f"{hub.endpoint}/{repo.id}"
    if options.json:
        files = [file._asdict() for file in manifest.files] if manifest else []
        print_json({**repo._asdict(), "page": page, "files": files})
        return 0
    print(_facts(repo, manifest, page))
    if manifest and manifest.files:
        rows = [(size(file.size), file.sha256[:_SHORT_HASH], file.path) for file in manifest.files]
        print(f"\n{table(rows)}")
    return 0


def _manifest(hub: Hub, repo: Repo, revision: str) -> Manifest | None:
    """Return the files; None where they wait for an access that the caller was not given yet."""
    try:
        return hub.manifest(repo.id, revision)
    except NotAllowed as error:
        if error.code != "gated_repo":
            raise
        return None


def _facts(repo: Repo, manifest: Manifest | None, page: str) -> str:
    family = repo.family
    if repo.family_declared and repo.family_declared != repo.family:
        family = f"{repo.family or 'unknown'} (the card says {repo.family_declared})"
    marks = "".join(
        f" ({mark})" for mark, held in (("private", repo.private), ("gated", repo.gated)) if held
    )
    return facts(
        [
            ("repository", f"{repo.id}{marks}"),
            ("title", repo.title),
            ("summary", repo.summary),
            ("page", page),
            ("revision", manifest.revision if manifest else repo.revision or "none yet"),
            ("family", family),
            ("base model", repo.base_model),
            ("layout", " ".join(str(word) for word in (repo.layout, repo.method) if word)),
            ("rank", repo.rank),
            ("health", repo.health),
            ("triggers", ", ".join(repo.trigger_words)),
            ("tags", ", ".join(repo.tags)),
            ("license", repo.license),
            ("stars", repo.stars),
            ("downloads", repo.downloads),
            ("updated", repo.updated_at),
        ]
    )
