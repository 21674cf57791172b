"""The audit of a predictions table as one self-contained HTML file."""
