"""Learn what listeners and episodes have in common from how they were listened to."""
