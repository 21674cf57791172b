"""Tables as people have them: read within bounds, columns understood, clips matched by name, values rescaled."""
