"""Where objects live: folder, S3, R2, memory, behind five verbs."""
