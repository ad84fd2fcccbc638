"""The laptop for every test here."""

from laptop import _laptop, _patient

__all__ = ["_laptop", "_patient"]
