"""The whole main job on an embedded default."""
