"""The real S3 server, for every test here that wants one."""

from servers import ceph

__all__ = ["ceph"]
