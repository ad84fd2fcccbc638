"""What a bucket must enforce by itself, held against what it does, and brought there."""
