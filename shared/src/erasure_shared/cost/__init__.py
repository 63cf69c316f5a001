"""What an erasure costs: list prices in one file, and a small model that adds them up."""
