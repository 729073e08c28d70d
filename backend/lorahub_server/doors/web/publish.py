"""The last step of an upload: a person says what the adapter is, and it becomes a revision."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub_server.access import Caller, Tx, require_session
from lorahub_server.access.authenticate import authenticate_session
from lorahub_server.access.errors import RepoGone, RepoNotFound
from lorahub_server.accounts import sessions
from lorahub_server.blobs import uploads
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.community import orgs
from lorahub_server.doors import links
from lorahub_server.doors.deps import Hub, OwnHub, ReadTx
from lorahub_server.doors.web import facts, groups, publication
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.guess import Wish, wish_of
from lorahub_server.doors.web.publication import File, Picture
from lorahub_server.doors.web.upload import NO_ADAPTER, NoAdapter, send_in, write_tx_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.doors.web.words import leaf
from lorahub_server.kit.errors import HubError
from lorahub_server.library import card as cards
from lorahub_server.library import licences
from lorahub_server.library import service as library
from lorahub_server.library.snippets import example_base
from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.commit import commit
from lorahub_server.repos.errors import RepoExists, RepoMoved
from lorahub_server.repos.tables import Repository

router = APIRouter()

Also = Annotated[list[str] | None, Query(max_length=publication.FILES_MAX)]
# Where the files go in the repository, in the order of the uploads; without, by their own names.
At = Annotated[list[str] | None, Query(max_length=publication.FILES_MAX + 1)]
_TITLE_MAX = 120
_FIELDS = (
    "title",
    "owner",
    "name",
    "license",
    "base_model",
    "tags",
    "description",
    "words",
    "pictures",
)
_LANGUAGE_BASE = "meta-llama/Llama-3.1-8B-Instruct"


class Incomplete(HubError):
    status = 422
    code = "incomplete"


@router.get("/upload/{upload_id}")
def show(
    request: Request,
    tx: ReadTx,
    upload_id: str,
    also: Also = None,
    at: At = None,
    to: str = "",
) -> Response:
    account = require_session(tx.caller)
    files = _files(tx, [upload_id, *(also or [])], at or [])
    before = publication.card_among(files)
    owner, name = _target(to, account.name)
    there = _writable(tx, owner, name) if name else None
    if there is not None and before is None:
        before = library.card_bytes_of(tx, there, refs.head(tx, there))
    card = cards.parse(before) if before else None
    wish = wish_of(_name_of(files), publication.facts_of(files), card)
    wish.owner = owner
    if there is not None:
        wish.owner, wish.name, wish.private = there.owner.name, there.name, there.private
    return _confirm(request, tx, files, wish, there=there is not None)


@router.post("/upload/{upload_id}")
def publish(
    request: Request,
    form: Posted,
    hub: OwnHub,
    upload_id: str,
    also: Also = None,
    at: At = None,
    to: str = "",
) -> Response:
    ids = [upload_id, *(also or [])]
    with hub.db.read() as session:
        cookie = request.cookies.get(sessions.COOKIE)
        caller = authenticate_session(session, hub.settings, cookie)
        request.state.caller = caller
        account = require_session(caller)
        own_name = account.name
        tx = Tx(session, caller, hub.store, hub.settings, account.updated_at, request_id="")
        files = _files(tx, ids, at or [])
    if form.text("act") == "discard":
        _forget(hub, caller, ids)
        return redirect("/upload")
    wish = _wish(form)
    wish.owner = wish.owner or own_name
    try:
        _check(wish)
        pictures = _pictures(hub, caller, form)
        is_target = bool(to) and _target(to, own_name) == (wish.owner, wish.name)
        may_exist = form.has("existing") or is_target
        with write_tx_of(hub, caller) as tx:
            repo = _publish(tx, files, pictures, wish, may_exist=may_exist)
            address = links.repo(repo.owner.name, repo.name)
    except HubError as error:
        with hub.db.read() as session:
            tx = Tx(session, caller, hub.store, hub.settings, account.updated_at, request_id="")
            return _confirm(request, tx, files, wish, there=bool(to), error=error)
    _forget(hub, caller, ids)
    return redirect(address)


def _files(tx: Tx, ids: Sequence[str], paths: Sequence[str]) -> list[File]:
    files = publication.load(tx, ids, paths)
    if not any(file.summary for file in files):
        raise NoAdapter(NO_ADAPTER)
    return files


def _name_of(files: Sequence[File]) -> str:
    """Return what to call the whole after: its first adapter, whatever forms that comes in."""
    first = groups.groups(files)[0]
    return first.title if len(first.files) > 1 else first.files[0][0].name


def _target(to: str, own_name: str) -> tuple[str, str]:
    """Return whose repository of which name an upload was begun for; the name may be empty."""
    owner, slash, name = to.rpartition("/")
    return (owner, name) if slash else (own_name, to)


def _writable(tx: Tx, owner: str, name: str) -> Repository | None:
    """Return the living repository of that name; raises NotAllowed where others write."""
    try:
        return repos.get_repo_for_write(tx, owner, name)
    except (RepoNotFound, RepoGone, RepoMoved):
        return None


def _wish(form: Form) -> Wish:
    return Wish(
        title=form.line("title"),
        owner=form.line("owner"),
        name=form.line("name"),
        license=form.line("license"),
        words=form.line("words"),
        base_model=form.line("base_model"),
        tags=form.line("tags"),
        description=form.text("description").replace("\r\n", "\n").strip(),
        private=form.has("private"),
    )


def _check(wish: Wish) -> None:
    if not 1 <= len(wish.title) <= _TITLE_MAX:
        message = f"A title has 1 to {_TITLE_MAX} characters; say in a few words what it is."
        raise Incomplete(message, place="title")
    if not wish.license:
        message = "Choose a licence, so that people know what they may do. “Other” is one too."
        raise Incomplete(message, place="license")


def _pictures(hub: Hub, caller: Caller, form: Form) -> list[Picture | File]:
    found: list[Picture | File] = []
    for sent in form.files.get("pictures", []):
        name = (sent.filename or "").replace("\\", "/").rpartition("/")[2]
        picture = publication.check_picture(name, sent.file.read())
        if len(picture.content) <= INLINE_MAX:
            found.append(picture)
            continue
        got = send_in(hub, caller, name, [picture.content])
        blob = got.blob
        found.append(File(got.upload_id, name, blob.size, blob.sha256, None, None))
    return found


def _publish(
    tx: Tx,
    files: Sequence[File],
    pictures: Sequence[Picture | File],
    wish: Wish,
    *,
    may_exist: bool,
) -> Repository:
    repo = _writable(tx, wish.owner, wish.name)
    if repo is None:
        repo = repos.create_repo(tx, wish.owner, wish.name, private=wish.private)
    elif not may_exist:
        message = (
            f"There is a repository {repo.full_name} already. Choose another name, or add to it."
        )
        raise RepoExists(message, place="name")
    before = publication.card_among(files)
    if before is None:
        before = library.card_bytes_of(tx, repo, refs.head(tx, repo))
    shown = [one.name for one in (*pictures, *(file for file in files if file.is_picture))]
    card = publication.card_text(before, wish, publication.facts_of(files), shown)
    operations = publication.operations(files, pictures, card)
    first = next(file.name for file in files if file.summary is not None)
    commit(tx, repo, repo.default_branch, operations, f"Publish {first}")
    return repo


def _forget(hub: Hub, caller: Caller, ids: Sequence[str]) -> None:
    """The uploads have done their work; a blob that was published stays."""
    with write_tx_of(hub, caller) as tx:
        for upload_id in ids:
            uploads.cancel_upload(tx, upload_id)


def _confirm(
    request: Request,
    tx: Tx,
    files: Sequence[File],
    wish: Wish,
    *,
    there: bool,
    error: HubError | None = None,
) -> Response:
    wrong, faults = "", no_faults()
    if error is not None:
        wrong, faults = faults_of(error, *_FIELDS)
    known = publication.facts_of(files)
    return page(
        request,
        "confirm.html",
        caller=tx.caller,
        owners=orgs.may_add_to(tx),
        is_private=True,
        status=error.status if error else 200,
        wrong=wrong,
        faults=faults,
        form=wish,
        ask_existing=isinstance(error, RepoExists),
        is_there=there,
        licences=licences.choices(),
        words_hint=_words_hint(known, wish),
        base_example=example_base(str(known.get("family") or "")) or _LANGUAGE_BASE,
        told=facts.told(known),
        family=known.get("family"),
        files=files,
        draft=files[0].upload_id,
        groups=groups.groups(files),
        others=[file for file in files if file.summary is None],
        has_picture=any(file.is_picture for file in files),
        warnings=_warnings(files, known),
    )


def _words_hint(known: dict[str, object], wish: Wish) -> str:
    if known.get("trigger_words") and wish.words:
        return "With commas. Found in the file: keep those that people should write."
    return "With commas: what people write into a prompt. Leave it empty if it needs none."


def _warnings(files: Sequence[File], known: dict[str, object]) -> list[str]:
    found = []
    is_peft = known.get("layout") == "peft"
    if is_peft and not any(leaf(file.name) == "adapter_config.json" for file in files):
        found.append(
            "PEFT loads an adapter with its adapter_config.json. Go back and send both together."
        )
    if not known.get("family"):
        found.append("The base model is not recognised from the file. Say below which one it is.")
    return found
