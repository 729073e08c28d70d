"""The page that shows what an adapter file does to its base: by block, as a picture and a table."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import families, other_forms, speed_chart
from lorahub_server.doors.web.repo_pages import head_of, repo_of
from lorahub_server.doors.web.view import page
from lorahub_server.insight.likeness import service as likeness
from lorahub_server.insight.reports import service as reports
from lorahub_server.insight.speed import service as speed
from lorahub_server.library import service as library
from lorahub_server.library.model import AdapterDetails

router = APIRouter()

# The picture's own units: a column for each block, two rows of bars.
_STEP, _WIDE = 22, 16
_HIGH, _LOW = 120, 48
_LEFT, _GAP = 8, 14
_MOST_BLOCKS = 160


@dataclass(frozen=True, slots=True)
class Bar:
    """One block: its strength above, its effective rank below, in the picture's units."""

    x: int
    strength: float
    spread: float
    name: str
    modules: int
    rms: float
    effective_rank: float
    is_first: bool
    group: str


@dataclass(frozen=True, slots=True)
class Chart:
    component: str
    bars: list[Bar]
    width: int


@router.get("/{owner}/{name}/health")
def show(request: Request, tx: ReadTx, owner: str, name: str, file: str = "") -> Response:
    repo = repo_of(tx, owner, name)
    adapters = library.adapters_of(tx, repo)
    adapter = next((one for one in adapters if one.path == file), next(iter(adapters), None))
    report = reports.get(tx.session, adapter.sha256) if adapter else None
    return page(
        request,
        "health.html",
        **head_of(tx, repo, "health"),
        adapters=adapters,
        adapter=adapter,
        report=report,
        forms=other_forms.of(adapter) if adapter else None,
        charts=charts(report) if report else [],
        costs=_costs(tx, adapter) if adapter else [],
        cost_width=speed_chart.WIDTH,
        alike=likeness.matches(tx, repo, [adapter.sha256]) if adapter else [],
    )


def _costs(tx: Tx, adapter: AdapterDetails) -> list[speed_chart.Chart]:
    costs = speed.costs_of(tx.session, adapter.sha256, adapter.family)
    return speed_chart.charts(costs, is_text=families.family_makes(adapter.family) == "text")


def charts(report: dict[str, Any]) -> list[Chart]:
    """Return a chart for each component of the base, with its blocks in their order."""
    blocks = [one for one in report["blocks"] if one["rms"] is not None][:_MOST_BLOCKS]
    strongest = max((one["rms"] for one in blocks), default=0) or 1
    widest = max((one["effective_rank"] or 0 for one in blocks), default=0) or 1
    found = []
    for component in dict.fromkeys(one["component"] for one in blocks):
        own = [one for one in blocks if one["component"] == component]
        found.append(_chart(component, own, strongest, widest))
    return found


def _chart(component: str, blocks: list[dict[str, Any]], strongest: float, widest: float) -> Chart:
    bars: list[Bar] = []
    x = _LEFT
    for block in blocks:
        is_first = not bars or bars[-1].group != block["group"]
        x += _GAP if bars and is_first else 0
        effective = block["effective_rank"] or 0
        bars.append(
            Bar(
                x=x,
                strength=round(_HIGH * block["rms"] / strongest, 1),
                spread=round(_LOW * effective / widest, 1),
                name=block["name"],
                modules=block["modules"],
                rms=block["rms"],
                effective_rank=effective,
                is_first=is_first,
                group=block["group"] or "",
            )
        )
        x += _STEP
    return Chart(component, bars, x - _STEP + _WIDE + _LEFT)
