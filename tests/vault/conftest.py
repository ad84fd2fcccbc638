"""The officers and the wrap for every test here."""

from vaults import _officer, _other, _wrapped

__all__ = ["_officer", "_other", "_wrapped"]
