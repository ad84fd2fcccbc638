"""The admin's document: what is captured for whom, where it goes, how long it stays."""
