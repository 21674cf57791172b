"""A predictions table becomes accuracy by group: every figure with n and an interval."""
