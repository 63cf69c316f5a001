"""What other people's tools say about the templates, and why we do otherwise where we do."""
