"""The generator of the default model's training text."""
