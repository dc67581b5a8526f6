"""The preview page, and the endpoints for monitoring."""
