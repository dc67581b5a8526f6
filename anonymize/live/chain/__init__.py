"""From a picture that came in to one that may go out: delay line, tracking, gate, release."""
