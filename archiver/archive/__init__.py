"""Reading back: catalogue, replay, restore, verify."""
