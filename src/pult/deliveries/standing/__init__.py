"""How each target of deliveries stands, for people."""
