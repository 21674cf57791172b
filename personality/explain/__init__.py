"""What moved a prediction."""
