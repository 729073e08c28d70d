"""The words in which another form of an adapter file is asked for, the same at every door."""

from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field

from lorahub_server.insight.variants.plans import DTYPES, LAYOUTS, MAX_RANK

LAYOUT_TOLD = f"One of {', '.join(LAYOUTS)}."
DTYPE_TOLD = f"One of {', '.join(DTYPES)}."
RANK_TOLD = "At most this rank."
ENERGY_TOLD = "Keep this share of the energy."
FAMILY_TOLD = (
    "The family of the base model, such as `sdxl`: needed for another layout where the weights fit "
    "several (`family_unclear`)."
)

Word = Annotated[str, Field(max_length=40)]
Rank = Annotated[int, Field(ge=1, le=MAX_RANK)]
Energy = Annotated[float, Field(gt=0, le=1)]

# A form sends the fields that nobody filled in as well.
_Given = BeforeValidator(lambda value: None if value == "" else value)
LayoutQuery = Annotated[Word | None, _Given, Query(description=LAYOUT_TOLD)]
DtypeQuery = Annotated[Word | None, _Given, Query(description=DTYPE_TOLD)]
RankQuery = Annotated[Rank | None, _Given, Query(description=RANK_TOLD)]
EnergyQuery = Annotated[Energy | None, _Given, Query(description=ENERGY_TOLD)]
FamilyQuery = Annotated[Word | None, _Given, Query(description=FAMILY_TOLD)]
