"""Keys that this machine cannot use: sealed chunks, and the vault that opens them (VAULT.md)."""
