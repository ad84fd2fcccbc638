"""Servers to set buckets up on."""

from __future__ import annotations

from cloudflare import cloudflare
from servers import ceph, ceph_of_lifecycles, moto_server

__all__ = ["ceph", "ceph_of_lifecycles", "cloudflare", "moto_server"]
