"""The real S3 server, for every test here that wants one."""

from servers import ceph, ceph_of_lifecycles

__all__ = ["ceph", "ceph_of_lifecycles"]
