"""`make bench`: how fast a real server answers, and how near that is to what the machine allows."""
