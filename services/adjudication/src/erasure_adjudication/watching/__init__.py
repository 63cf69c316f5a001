"""What waits for people: counted on a schedule, beside the work itself."""
