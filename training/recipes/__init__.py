"""How each of the files that ship is made."""
