"""``archiver policy``: the admin's document, from its first line to the signed file."""

from __future__ import annotations

from typing import Final

import click

from archiver.cli.lazy import Entry, LazyGroup
from archiver.cli.options import examples

__all__ = ["COMMANDS", "policy"]

COMMANDS: Final = (
    Entry("init", "policy_init:init", "Make a policy that works, by a few questions."),
    Entry("validate", "policy_sign:validate", "Check a policy, and explain each error."),
    Entry(
        "show",
        "policy_show:show",
        "Say in plain words what is captured, where it goes and how long it stays.",
    ),
    Entry("diff", "policy_show:diff", "Say what another policy would change."),
    Entry("sign", "policy_sign:sign", "Sign a policy, for machines that trust the admin's key."),
    Entry("schema", "policy_show:schema", "Print the JSON Schema of the policy, for editors."),
    Entry(
        "import-cline",
        "policy_cline:import_cline",
        "Make a policy of the remote configuration that Cline has.",
    ),
)


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog=examples(
        "archiver policy validate policy.toml",
        "archiver policy sign policy.toml --admin-key acme.key --to policy.signed",
    ),
)
def policy() -> None:
    """Write, check, explain and sign the policy."""
