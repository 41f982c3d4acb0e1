"""Who talks with us in a channel, looked up by people."""
