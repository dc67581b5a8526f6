"""How the weights of our own detector are made. Nothing here is imported by `anonymize`."""
