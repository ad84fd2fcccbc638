"""What an answer of a store means for a parcel, and the shell that acts on it."""
