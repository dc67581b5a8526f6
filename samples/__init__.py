"""Sample clips with exact ground truth: a virtual camera over a still, rendered plates, a demonstration film."""
