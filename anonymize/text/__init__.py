"""Text, both ways: words for people, and what others wrote, read within limits."""
