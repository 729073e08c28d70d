"""What owners do with the previews: prompts, the base, the cover, captions, own pictures."""

from collections.abc import Callable, Iterable

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.deps import WriteTx, hub_of, reading
from lorahub_server.doors.pictures_in import take_in
from lorahub_server.doors.streams import Body, pour
from lorahub_server.doors.web.forms import BadForm, Form, Posted, check_origin, check_token
from lorahub_server.doors.web.multipart import Part, parts
from lorahub_server.doors.web.previews import ID_MAX, gallery_page
from lorahub_server.doors.web.previews_form import Fault, rows_of
from lorahub_server.doors.web.view import redirect
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews import uploads
from lorahub_server.insight.previews.errors import BadPreviews, PreviewNotFound
from lorahub_server.insight.previews.limits import PICTURE_MAX
from lorahub_server.insight.previews.uploads import Words
from lorahub_server.kit import csrf
from lorahub_server.kit.errors import HubError
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter()

# A browser shows no answer before it has sent everything, so more is read than is kept.
_SENT_MAX = 16 * PICTURE_MAX


@router.post("/{owner}/{name}/previews/prompts")
def prompts(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    wanted = None if form.text("act") == "hub" else [row.wish for row in rows_of(form)]
    return _done(request, tx, repo, form, "prompts", lambda: previews.set_prompts(tx, repo, wanted))


@router.post("/{owner}/{name}/previews/base")
def base(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    """Only among those that the form offers: another family's would fit nothing."""
    repo = repos.get_repo_for_write(tx, owner, name)
    wanted = form.line("base") or None

    def choose() -> None:
        found = previews.gallery(tx, repo)
        if wanted not in {None, found.chosen_base, *(one.id for one in found.bases)}:
            message = "No worker holds such a base model for this adapter. Choose another one."
            raise BadPreviews(message, place="base")
        previews.choose_base(tx, repo, wanted)

    return _done(request, tx, repo, form, "base", choose)


@router.post("/{owner}/{name}/previews/cover")
def cover(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    """Let the hub choose the cover again."""
    repo = repos.get_repo_for_write(tx, owner, name)
    return _done(request, tx, repo, form, "cover", lambda: previews.choose_cover(tx, repo, None))


@router.post("/{owner}/{name}/previews/upload")
async def upload(request: Request, owner: str, name: str) -> Response:
    """Take a picture in; the body is read only for one who may write."""
    check_origin(request)
    await reading(request, lambda tx: repos.get_repo_for_write(tx, owner, name))
    taker = _Taker(request)
    try:
        async with hub_of(request).heavy.one():
            data = await pour(Body(request), taker.take, limit=_SENT_MAX)
        made = await take_in(request, owner, name, data, taker.words)
    except HubError as error:
        fault = Fault("upload", error, taker.form)

        def again(tx: Tx) -> Response:
            return gallery_page(request, tx, repos.get_repo_for_write(tx, owner, name), fault)

        return await reading(request, again)
    names = made.repo.owner.name, made.repo.name
    return redirect(links.repo(*names, "previews", str(made.shown.id)))


@router.post("/{owner}/{name}/previews/{preview_id:int}")
def change(
    request: Request, form: Posted, tx: WriteTx, owner: str, name: str, preview_id: int
) -> Response:
    """One form has the words to a picture, the choice as a cover, and the removal."""
    repo = repos.get_repo_for_write(tx, owner, name)

    def do() -> None:
        if preview_id > ID_MAX:
            raise PreviewNotFound
        act = form.text("act")
        if act == "remove":
            previews.remove(tx, repo, preview_id)
        elif act == "cover":
            previews.choose_cover(tx, repo, preview_id)
        else:
            _describe(tx, repo, preview_id, form)

    return _done(request, tx, repo, form, str(preview_id), do)


def _describe(tx: Tx, repo: Repository, preview_id: int, form: Form) -> None:
    there = previews.of_id(tx, repo, preview_id)
    previews.describe(tx, repo, preview_id, form.text("caption"))
    wanted = form.text("maturity", there.maturity)
    # What a worker guessed stays its guess until somebody says otherwise.
    if wanted != there.maturity:
        previews.rate(tx, repo, preview_id, wanted)


def _done(
    request: Request, tx: Tx, repo: Repository, form: Form, where: str, do: Callable[[], object]
) -> Response:
    """Do it and show the previews; or show what is wrong, in the form that was sent."""
    try:
        with tx.session.begin_nested():
            do()
    except HubError as error:
        tx.session.refresh(repo)
        return gallery_page(request, tx, repo, Fault(where, error, form))
    there = links.repo(repo.owner.name, repo.name, "previews")
    # Back to the preview that was changed, if it is still there.
    return redirect(f"{there}#edit-{where}" if where.isdigit() else there)


class _Taker:
    """Reads the form in a thread. What it has seen of the fields stays readable after an error."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._is_ours = False
        self.form = Form()

    @property
    def words(self) -> Words:
        return Words(self.form.text("caption"), self.form.text("maturity", "unrated"))

    def take(self, chunks: Iterable[bytes]) -> bytes:
        body = iter(chunks)
        try:
            return self._take(body)
        except HubError:
            for _ in body:
                pass
            raise

    def _take(self, body: Iterable[bytes]) -> bytes:
        found: bytes | None = None
        for part in parts(body, self._request.headers.get("content-type", "")):
            if part.filename is None:
                self._note(part)
            elif part.filename and found is None:
                # The token comes before the picture, so that nothing of a stranger's is kept.
                self._check()
                found = _whole(part.data)
        self._check()
        if found is None:
            raise BadForm("No picture was chosen. Choose a PNG, JPEG or WebP file.")
        return found

    def _note(self, part: Part) -> None:
        text = part.text()
        if part.name == csrf.FIELD:
            check_token(self._request, text)
            self._is_ours = True
        else:
            self.form.fields.setdefault(part.name, text)

    def _check(self) -> None:
        if not self._is_ours:
            check_token(self._request, None)


def _whole(pieces: Iterable[bytes]) -> bytes:
    received = bytearray()
    for piece in pieces:
        received += piece
        if len(received) > PICTURE_MAX:
            raise uploads.too_large()
    return bytes(received)
