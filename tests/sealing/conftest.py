"""The laptop for every test here."""

from laptop import _laptop, _patient
from vaults import _officer, _other

__all__ = ["_laptop", "_officer", "_other", "_patient"]
