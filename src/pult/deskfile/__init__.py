"""Configuration as code: a TOML file that says what a company's desk is, and what brings the database to it."""
