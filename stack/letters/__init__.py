"""Dead letters, for whoever runs the venue: which are open, what is in them, and giving them back."""
