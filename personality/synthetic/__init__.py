"""People who do not exist: faces, voices and how strangers would see them."""
