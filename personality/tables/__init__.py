"""Import of tables: bounded reading, identification of columns, matching of clip names, rescaling of values."""
