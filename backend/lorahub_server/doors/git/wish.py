"""What a git program says that it wants and has, and what it is told about the latter."""

from dataclasses import dataclass, field
from io import BytesIO

from dulwich.errors import HangupException
from dulwich.protocol import (
    CAPABILITY_NO_DONE,
    COMMAND_DEEPEN,
    COMMAND_DEEPEN_NOT,
    COMMAND_DEEPEN_SINCE,
    COMMAND_DONE,
    COMMAND_HAVE,
    COMMAND_SHALLOW,
    COMMAND_WANT,
    MULTI_ACK_DETAILED,
    NAK_LINE,
    SINGLE_ACK,
    Protocol,
    ack_type,
    extract_want_line_capabilities,
    format_ack_line,
    pkt_line,
)

from lorahub_server.doors.git import lines
from lorahub_server.doors.git.lines import BadLines
from lorahub_server.repos.objects import is_oid
from lorahub_server.repos.pack_fetch import Cut, Judge

FLUSH, DONE = "flush", "done"
_WANTS_MAX = 10_000
_DIGITS_MAX = 18


@dataclass(slots=True)
class Wish:
    """One request; `talk` has the ids that the client has, and what it says between them."""

    client: frozenset[bytes] = frozenset()
    ack: int = SINGLE_ACK
    wants: dict[str, None] = field(default_factory=dict)
    shallow: set[str] = field(default_factory=set)
    cut: Cut = field(default_factory=Cut)
    talk: list[str] = field(default_factory=list)


def read(body: bytes) -> Wish:
    """Read a request; raises BadLines."""
    stream = BytesIO(body)
    wire = Protocol(stream.read, stream.write)
    wish = Wish()
    try:
        _read_wants(wire, wish)
        while stream.tell() < len(body):
            wish.talk.append(_said(lines.read_line(wire)))
    except HangupException as error:
        raise BadLines from error
    return wish


def _read_wants(wire: Protocol, wish: Wish) -> None:
    since, without = None, []
    while (line := lines.read_line(wire)) is not None:
        if not wish.wants:
            line, told = extract_want_line_capabilities(line)
            wish.client, wish.ack = lines.capabilities(told), ack_type(told)
        command, _, rest = line.partition(b" ")
        if command == COMMAND_WANT:
            wish.wants[_oid(rest)] = None
        elif command == COMMAND_SHALLOW:
            wish.shallow.add(_oid(rest))
        elif command == COMMAND_DEEPEN:
            depth = _number(rest)
            wish.cut = Cut(depth=depth) if depth else Cut()
        elif command == COMMAND_DEEPEN_SINCE:
            since = _number(rest)
        elif command == COMMAND_DEEPEN_NOT:
            without.append(_text(rest))
        else:
            raise BadLines
        if len(wish.wants) > _WANTS_MAX:
            raise BadLines
    if since is not None or without:
        wish.cut = Cut(since=since, without=without)


def _said(line: bytes | None) -> str:
    if line is None:
        return FLUSH
    if line == COMMAND_DONE:
        return DONE
    command, _, rest = line.partition(b" ")
    if command != COMMAND_HAVE:
        raise BadLines
    return _oid(rest)


def _oid(text: bytes) -> str:
    oid = _text(text)
    if not is_oid(oid):
        raise BadLines
    return oid


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _DIGITS_MAX:
        raise BadLines
    return int(text)


def _text(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise BadLines from error


class Talk:
    """Tells the client which of its commits are here, until it, or we, have heard enough."""

    def __init__(self, wish: Wish, judge: Judge) -> None:
        self._wish = wish
        self._judge = judge
        self._last = b""
        self._has_new = self._has_unknown = self._is_ready = False
        self.common: list[str] = []
        self.said = bytearray()

    def until_pack(self) -> bool:
        """Answer everything in `said`; tell whether the pack follows."""
        for word in self._wish.talk:
            if word == DONE:
                self._done()
                return True
            if word == FLUSH:
                return self._flush()
            if self._judge.has(word):
                self._known(word)
            else:
                self._unknown(word)
        return False

    def _done(self) -> None:
        if not self.common:
            self._say(NAK_LINE)
        elif self._wish.ack != SINGLE_ACK:
            self._say(format_ack_line(self._last))

    def _flush(self) -> bool:
        detailed = self._wish.ack == MULTI_ACK_DETAILED
        if detailed and self._has_new and not self._has_unknown and self._judge.is_enough:
            self._is_ready = True
            self._say(format_ack_line(self._last, b"ready"))
        if not self.common or self._wish.ack != SINGLE_ACK:
            self._say(NAK_LINE)
        if self._is_ready and CAPABILITY_NO_DONE in self._wish.client:
            self._say(format_ack_line(self._last))
            return True
        return False

    def _known(self, oid: str) -> None:
        self.common.append(oid)
        self._judge.add(oid)
        self._has_new = True
        self._last = oid.encode()
        if self._wish.ack == MULTI_ACK_DETAILED:
            self._say(format_ack_line(self._last, b"common"))
        elif self._wish.ack != SINGLE_ACK:
            self._say(format_ack_line(self._last, b"continue"))
        elif len(self.common) == 1:
            self._say(format_ack_line(self._last))

    def _unknown(self, oid: str) -> None:
        self._has_unknown = True
        if self._wish.ack == SINGLE_ACK or not self._judge.is_enough:
            return
        if self._wish.ack == MULTI_ACK_DETAILED:
            self._is_ready = True
            self._last = self._last or oid.encode()
            self._say(format_ack_line(oid.encode(), b"ready"))
        else:
            self._say(format_ack_line(oid.encode(), b"continue"))

    def _say(self, line: bytes) -> None:
        self.said += pkt_line(line)
