"""Evaluation results in rows, and beside those of others on the same base."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, require_read
from lorahub_server.library import queries_evaluations, vocabulary
from lorahub_server.library.evaluations import Other, Result
from lorahub_server.library.model import RepoCard
from lorahub_server.library.tables import EvaluationResult
from lorahub_server.repos.tables import Repository

# So many results of a repository are compared, with so many others each.
_COMPARED, _OTHERS = 12, 5
_BASE_MAX = 200


@dataclass(frozen=True, slots=True)
class Compared:
    """A result and what others on the same base reached, the liveliest of them."""

    result: Result
    others: list[Other] = field(default_factory=list)


def put(session: Session, repo_id: int, results: Sequence[Result], bases: Sequence[str]) -> None:
    """Keep the results of a repository's head."""
    base = _base(bases)
    rows = []
    for place, result in enumerate(results):
        facts = asdict(result)
        value, low, high = (facts.pop(name) for name in ("value", "low", "high"))
        rows.append(
            EvaluationResult(
                repo_id=repo_id,
                place=place,
                key=result.key,
                base=base,
                value=value,
                low=low,
                high=high,
                facts=facts,
            )
        )
    queries_evaluations.replace(session, repo_id, rows)


def of(tx: Tx, repo: Repository, card: RepoCard | None = None) -> list[Compared]:
    """Return the results of a repository; no statement where its card tells of none."""
    require_read(tx.caller, repo)
    if card is not None and card.has_results is False:
        return []
    found = queries_evaluations.beside_others(
        tx.session, tx.caller, repo.id, keys=_COMPARED, limit=_OTHERS
    )
    return [
        Compared(Result(**row.facts, value=row.value, low=row.low, high=row.high), others)
        for row, others in found
    ]


def _base(bases: Sequence[str]) -> str | None:
    folded = vocabulary.folded(bases[:1])
    return folded[0][:_BASE_MAX] if folded else None
