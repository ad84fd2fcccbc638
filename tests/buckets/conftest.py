"""Servers to set buckets up on."""

from __future__ import annotations

from cloudflare import cloudflare
from servers import ceph, moto_server

__all__ = ["ceph", "cloudflare", "moto_server"]
