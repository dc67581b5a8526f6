"""Several inputs: which (`inputs`), what is left to do (`ledger`), doing it (`run`, `cluster`), each one's outcome."""
