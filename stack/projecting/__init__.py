"""What an operator does with the read models: look how far they are, and build one anew."""
