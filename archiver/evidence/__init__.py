"""What signs and what proves: keys, notes, trees, and the documents that an admin signs.

Everything here is a function of bytes and values; only `archiver.evidence.keys` knows the
library that signs, and only its key files touch the disk.
"""
