"""What an S3 store costs a process that lives for months: memory that comes back."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from servers import S3Server

OPENINGS = 12
CODE = """
import asyncio, hashlib, pathlib, sys, psutil
from archiver.stores.opening import open_store
from archiver.stores.settings import S3Settings

endpoint, keys, bucket, openings = sys.argv[1:]
settings = S3Settings(
    bucket, endpoint=endpoint, path_style=True, credentials_file=pathlib.Path(keys)
)
body = bytes(1024)
sha256 = hashlib.sha256(body).hexdigest()

async def main():
    for number in range(int(openings)):
        async with open_store(settings) as store:
            await store.put(f"k{number}", body, sha256=sha256, metadata={})
        print(psutil.Process().memory_info().rss)

asyncio.run(main())
"""


def test_memory_does_not_grow_with_the_number_of_openings(
    moto_server: S3Server, tmp_path: Path
) -> None:
    """After the second opening, ten more add less than 4 MiB; without collecting, over 15."""
    bucket, keys = moto_server.new_bucket(), moto_server.credentials_file(tmp_path)
    command = [sys.executable, "-c", CODE, moto_server.endpoint, str(keys), bucket, str(OPENINGS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    sizes = [int(line) / 2**20 for line in done.stdout.split()]
    assert len(sizes) == OPENINGS
    assert sizes[-1] - sizes[1] < 4, sizes
