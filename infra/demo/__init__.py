"""The demonstration: people are erased through the real services, and the result is proven."""
