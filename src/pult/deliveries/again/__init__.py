"""Deliveries once more: sent again, taken back, replayed by the order of a person or a program."""
