"""SLA tables and the business hours that they count in."""
