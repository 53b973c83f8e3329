"""Keeping findings worth reading: exceptions, the same thing told once, floods told as floods. Never in silence."""

from .errors import HygieneError
from .exemptions import Exemption, Exemptions, Sifted
from .hygiene import Again, Flood, Hygiene, News, Verdict
from .ledger import Limits, Note

__all__ = [
    "Again",
    "Exemption",
    "Exemptions",
    "Flood",
    "Hygiene",
    "HygieneError",
    "Limits",
    "News",
    "Note",
    "Sifted",
    "Verdict",
]
