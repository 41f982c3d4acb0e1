"""Messages to and from clients, whatever the provider."""
