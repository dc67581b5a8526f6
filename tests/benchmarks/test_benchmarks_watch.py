import numpy as np

from benchmarks import clock, watch


def test_a_number_counts_where_a_neighbour_goes_on_from_it():
    read = [None, 5, 6, 7, 7, 7, 900, 8, 10, None, 498, 499, 0, 300]
    kept = [None, 5, 6, 7, None, None, None, 8, 10, None, 498, 499, 0, None]
    assert watch.going_on(read, 500) == kept


def test_the_means_of_a_clocks_blocks_are_read_as_the_clock_is():
    picture = np.full((*reversed(watch.BLOCKS), 3), 90, np.uint8)
    clock.draw(picture, 1234)
    rows = slice(clock.TOP + 4, clock.TOP + 12)
    lefts = range(clock.LEFT, watch.BLOCKS[0], clock.BLOCK)
    means = [float(picture[rows, left + 4 : left + 12].mean()) for left in lefts]
    assert watch.number_of(means) == 1234
    assert watch.number_of([255 - mean for mean in means]) is None
