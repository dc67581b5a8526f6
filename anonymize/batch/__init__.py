"""Many inputs: which, what is still to be done (`ledger`), who does it (`run`, `cluster`), and the outcome of each."""
