"""Conditions on a ticket, as triggers and SLA tables state them."""
