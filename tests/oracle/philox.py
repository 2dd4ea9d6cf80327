"""Medley's random numbers: Philox4x32-10 on a counter (Salmon et al., "Parallel Random Numbers: As Easy
as 1, 2, 3", SC 2011)."""

MIX = 6  # what the numbers are for
WORD = 0xFFFFFFFF


def philox(counter, key):
    """Four words from four words and a key of two."""
    a, b, c, d = counter
    for i in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = ((right >> 32) ^ b ^ (key[0] + i * 0x9E3779B9 & WORD), right & WORD,
                      (left >> 32) ^ d ^ (key[1] + i * 0xBB67AE85 & WORD), left & WORD)
    return a, b, c, d


def mix_word(seed, group, update, index):
    """A word that a group's mix draws in an update."""
    return philox((index, MIX << 24 | group, update & WORD, update >> 32),
                  (seed & WORD, seed >> 32))[0]
