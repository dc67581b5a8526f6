"""Attacks on the redaction: what can someone who has the output and knows this software get back?

`averaging` rebuilds a moving face from many mosaics, `faces` distinguishes people by redacted crops, `plates` reads
redacted plates, `net` is the small network that the last two train, `page` writes what came out into the threat model.
"""
