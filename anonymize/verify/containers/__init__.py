"""What a file holds besides its pictures and sound, found by taking it apart without a decoder.

`contents` picks the parser of each container, codec and picture format; every `foreign` yields its complaints in words.
"""
