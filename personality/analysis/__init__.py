"""Analysis of predictions tables: accuracy by group, each figure with its number of clips and an interval."""
