"""A company with an admin, officers and people whose sealed conversations go to one folder.

company = Company(tmp_path)
company.say("sentence one")
company.sync()
company.vouch()                       # approve every device, sign a checkpoint
company.sign("hold", "list")          # a command of the admin
eve = company.colleague("eve")        # another person, another machine, the same bucket
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from laptop import SUBJECT_KEY, opened_chunk
from sealedworld import Said, World

from archiver.errors import ArchiverError
from archiver.format.keys import ChunkKey, parse_key
from archiver.policy.identity import subject

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Company"]


@dataclass
class Company(World):
    """``person`` uses the machine; ``shared`` is the first one's root.

    ``rules`` stand in the policy besides.
    """

    person: str = "dev"
    shared: Path | None = None
    seals: bool = True
    rules: dict[str, Any] = field(default_factory=dict)
    colleagues: list[Company] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the admin's key, then everything else."""
        self.first = self.shared or self.root
        self.root.mkdir(parents=True, exist_ok=True)
        if self.shared:
            self.home.mkdir()
            self.decide(*self.listed)
            return
        key = self.first / "acme.key"
        made = self.archiver("keys", "generate", "admin", "--name", "acme", "--to", key)
        assert made.code == 0, made.err
        super().__post_init__()

    @property
    def bucket(self) -> Path:
        """The folder that stands for the bucket of all."""
        return self.first / "bucket"

    def key(self, name: str) -> Path:
        """Give the file with an officer's private key."""
        return self.first / f"{name}.key"

    @property
    def subject(self) -> str:
        """The person's pseudonym."""
        return subject(SUBJECT_KEY.encode(), "acme", self.person)

    def decide(self, *names: str, **more: Any) -> None:
        """Write the policy: these officers, this person, this admin."""
        public = (self.first / "acme.key.pub").read_text().strip()
        rules = {
            "evidence": {"admin_keys": [public]},
            "identity": {"source": "fixed", "value": self.person, "subject_key": SUBJECT_KEY},
            **self.rules,
            **more,
        }
        sealing = rules.pop("sealing", {})
        World.decide(self, *(names if self.seals else ()), **rules)
        self.listed = names
        document = json.loads(self.policy.read_text())
        document["tenants"][0]["sealing"] |= sealing
        self.policy.write_text(json.dumps(document))

    def colleague(self, person: str) -> Company:
        """Give another person's machine."""
        other = Company(
            self.root / person,
            self.officers,
            self.listed,
            person,
            self.root,
            seals=self.seals,
            rules=self.rules,
        )
        self.colleagues.append(other)
        return other

    def sign(self, *words: object, typed: str = "") -> Said:
        """Run a command of the admin, on the first machine."""
        key = self.first / "acme.key"
        more = ("--state", self.first / "admin-state", "--admin-key", key)
        return self.archiver(*words, *more, typed=typed)

    def vouch(self) -> None:
        """Approve every device that waits, and sign for what is there."""
        self.sign("device", "approve", "--all", "--yes")
        said = self.sign("checkpoint", "--force")
        assert said.code == 0, said.err

    def chunks(self) -> dict[str, bytes]:
        """Give the stored chunks of this person."""
        return {
            key: body
            for key, body in self.objects().items()
            if isinstance(name := parse_key(key), ChunkKey) and name.subject == self.subject
        }

    def readable(self, name: str, keys: Any) -> list[str]:
        """Give those of some chunks that an officer can open with what the bucket holds."""
        identity = self.key(name).read_text().strip().splitlines()[-1]
        opened = []
        for key in keys:
            try:
                opened_chunk(self.bucket, self.bucket / key, identity)
            except ArchiverError:
                continue
            opened.append(key)
        return opened
