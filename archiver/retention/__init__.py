"""What may go and what must stay: due, held, expired, erased. Ordered first, then done."""
