"""Every address that the hub tells is made here, from names and never from joined strings."""

from urllib.parse import quote, urlencode

_SAFE_IN_PATH = "/~!$'()*,:@"
_SAFE_IN_PIECE = "~!$'()*,:@"


def piece(text: str) -> str:
    """Encode one piece of a path: a slash in it becomes %2F."""
    return quote(text, safe=_SAFE_IN_PIECE)


def path(text: str) -> str:
    """Encode a file's path, whose slashes stay."""
    return quote(text, safe=_SAFE_IN_PATH)


def query(address: str, **parts: object) -> str:
    """Add query parameters; those that are None or empty are left out."""
    given: list[tuple[str, str]] = []
    for name, value in parts.items():
        values = value if isinstance(value, list | tuple) else [value]
        given += [(name, str(one)) for one in values if one is not None and one != ""]
    return f"{address}?{urlencode(given)}" if given else address


def account(name: str) -> str:
    return f"/{piece(name)}"


def repo(owner: str, name: str, *rest: str) -> str:
    """Return a repository's page, or a page below it."""
    return "/".join([f"/{piece(owner)}/{piece(name)}", *rest])


def download(owner: str, name: str) -> str:
    """Return where the adapter of a repository that has one is downloaded."""
    return repo(owner, name, "download")


def tree(owner: str, name: str, revision: str, folder: str = "") -> str:
    return _at(repo(owner, name, "tree"), revision, folder)


def blob(owner: str, name: str, revision: str, file: str) -> str:
    return _at(repo(owner, name, "blob"), revision, file)


def commits(owner: str, name: str, revision: str, file: str = "") -> str:
    """Return the history, or that of a file or folder."""
    return _at(repo(owner, name, "commits"), revision, file)


def commit(owner: str, name: str, oid: str) -> str:
    """Return the page that tells what a commit changed."""
    return repo(owner, name, "commit", oid)


def resolve(owner: str, name: str, revision: str, file: str, *, download: bool = False) -> str:
    """Return where the bytes of a file are."""
    address = _at(repo(owner, name, "resolve"), revision, file)
    return f"{address}?download=1" if download else address


def discussion(owner: str, name: str, num: int, *rest: str) -> str:
    return repo(owner, name, "discussions", str(num), *rest)


def upload(upload_id: str) -> str:
    return f"/upload/{piece(upload_id)}"


def tag(name: str) -> str:
    return f"/tags/{piece(name)}"


def hash_page(value: str) -> str:
    """Return the page that finds a file by one of its hashes."""
    return f"/hash/{piece(value)}"


def base(name: str) -> str:
    """Return the page of a family, or of a base model as cards name it."""
    return f"/bases/{path(name)}"


def family(name: str) -> str:
    return query("/", family=name)


def device(code: str = "") -> str:
    """Return where a program's code is entered."""
    return query("/device", code=code)


def people(name: str, what: str) -> str:
    """Return the list of an account's `followers`, or of whom it is `following`."""
    return f"/{piece(name)}/{what}"


def collection(slug: str, *rest: str) -> str:
    """Return a collection's page, or a page below it."""
    return "/".join([f"/collections/{path(slug)}", *rest])


def members(org: str) -> str:
    return f"/organizations/{piece(org)}/members"


def org_settings(org: str) -> str:
    return f"/organizations/{piece(org)}/settings"


def versions(owner: str, name: str, old: str = "", new: str = "") -> str:
    """Return the page that compares two revisions."""
    return query(repo(owner, name, "versions"), old=old, new=new)


def variant(owner: str, name: str, variant_id: str, file: str) -> str:
    """Return where a file of a variant that is made lies."""
    return repo(owner, name, "variants", variant_id, path(file))


def made(owner: str, name: str, revision: str, file: str, **wish: object) -> str:
    """Return where an adapter file in another form comes from; it is made when first asked for."""
    return query(_at(repo(owner, name, "variant"), revision, file), **wish)


def preview(owner: str, name: str, preview_id: int, *, base: bool = False) -> str:
    """Return where the picture of a preview lies, or that of the base alone beside it."""
    start = repo(owner, name, "previews", str(preview_id))
    return f"{start}/base.png" if base else f"{start}.png"


def small_preview(
    owner: str, name: str, preview_id: int, *, base: bool = False, width: int | None = None
) -> str:
    """Return where the small copy of such a picture lies, or that of another width."""
    start = repo(owner, name, "previews", str(preview_id))
    return query(f"{start}/base/small" if base else f"{start}/small", width=width)


def cover(owner: str, name: str, picture: str, *, width: int | None = None) -> str:
    """Return where the small copy of the picture lies that stands for a repository."""
    return query(repo(owner, name, "cover", picture), width=width)


def health(owner: str, name: str, file: str = "") -> str:
    return query(repo(owner, name, "health"), file=file)


def citation(owner: str, name: str, file: str) -> str:
    """Return where the `citation.bib` or the `CITATION.cff` of a repository is."""
    return repo(owner, name, file)


def paper(arxiv_id: str) -> str:
    return f"https://arxiv.org/abs/{path(arxiv_id)}"


def playground(owner: str, name: str, play: int | None = None, *rest: str, **more: object) -> str:
    """Return the playground of a repository, showing a play; or a page below that play."""
    if rest:
        return repo(owner, name, "playground", str(play), *rest)
    return query(repo(owner, name, "playground"), play=play, **more)


def play_picture(play: int, which: str = "picture", *, small: bool = False) -> str:
    """Return where a picture of the playground is, or the `base`'s beside it."""
    return query(f"/api/hub/v1/plays/{play}/{which}", size="small" if small else "")


def login(back: str) -> str:
    return "/login" if back in {"", "/", "/login"} else query("/login", next=back)


def is_local(address: str) -> bool:
    """Tell whether a browser that is sent there stays on this site."""
    return (
        address.startswith("/")
        and not address.startswith("//")
        and "\\" not in address
        and address.isprintable()
        and address.isascii()
    )


def _at(start: str, revision: str, file: str) -> str:
    address = f"{start}/{piece(revision)}"
    return f"{address}/{path(file)}" if file else address
