"""The outside world's languages: one file speaks to one provider."""
