"""The pages that players see, and their live streams."""
