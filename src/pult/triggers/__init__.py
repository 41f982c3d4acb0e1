"""Triggers: what happens by itself when a ticket is opened or changes."""
