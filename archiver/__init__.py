"""archiver keeps the conversations of AI coding assistants.

It reads the files that assistants leave on a developer machine, spools what an
admin enabled, packs it into zstd-compressed JSONL chunks and ships them to S3,
Cloudflare R2 or a folder; and it gives back every state it ever observed.

Importing this package loads nothing else: no boto, no pydantic.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
