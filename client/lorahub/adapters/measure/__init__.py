"""How strong an adapter is, module by module, told from its factors alone (needs numpy)."""

from lorahub.adapters.measure.figures import Figures, energy_kept, figures_of
from lorahub.adapters.measure.run import Measured, measure_modules
from lorahub.adapters.measure.spectrum import measure

__all__ = [
    "Figures",
    "Measured",
    "energy_kept",
    "figures_of",
    "measure",
    "measure_modules",
]
