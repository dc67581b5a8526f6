"""One finished file, from open to released: plan, draw, check, release."""
