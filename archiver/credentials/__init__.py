"""Which keys open a store: where they are kept, how long they hold, how a device gets its own."""
