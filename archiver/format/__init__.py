"""What is written into the store, byte by byte; specified in FORMAT.md."""
