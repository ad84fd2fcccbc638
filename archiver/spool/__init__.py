"""The durable state of one machine: capture state, captured records, chunks, receipts."""
