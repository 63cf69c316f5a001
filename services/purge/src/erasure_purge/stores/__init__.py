"""The stores from which is erased, and the lock, behind the ports of the use case."""
