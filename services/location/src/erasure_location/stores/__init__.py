"""Where people's data may lie, one module a technology; each finds all subjects at once."""
