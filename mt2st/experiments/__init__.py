"""What is run: strategies, profiles and plans, one run from its parameters to its record, and batches of them."""
