"""The detector in a process of its own: its client, its main function, its pace."""
