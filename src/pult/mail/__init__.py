"""Mail as it came: raw messages, what became of each, and which ticket a message belongs to."""
