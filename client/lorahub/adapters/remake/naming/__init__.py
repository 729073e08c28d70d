"""One name for each module of a base model, whatever a file calls it.

The canonical name is the one of diffusers, with q, k and v apart; for language models the path in
the model itself.
"""

from lorahub.adapters.remake.naming.schemes import Name, Scheme, scheme_for

__all__ = ["Name", "Scheme", "scheme_for"]
