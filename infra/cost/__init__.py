"""What an installation costs idle, and what erasing costs: writes infra/COST.md."""
