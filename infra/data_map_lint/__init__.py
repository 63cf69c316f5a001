"""Compares the data map with Glue, DynamoDB and PostgreSQL as they are: `make lint-data-map`."""
