"""The ledger of what leaves the house: every row, its attempts, and the breaker of each target."""
