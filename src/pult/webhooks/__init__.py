"""Outgoing webhooks: which API channels hear of what, and how it is signed, spelled and posted to them."""
