"""Text in both directions: words for messages, and reading untrusted text within limits."""
