"""The laptop and the real S3 server for every test here."""

from laptop import _laptop, _patient
from servers import ceph

__all__ = ["_laptop", "_patient", "ceph"]
