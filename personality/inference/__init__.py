"""From a sample to predictions."""
