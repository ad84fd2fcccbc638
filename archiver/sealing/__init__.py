"""From spooled records to sealed chunk files that never change again."""
