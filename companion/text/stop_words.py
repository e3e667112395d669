"""Stop words: frequent words that say little about the topic of a text, and a filter for them.

Filters like this one were a usual first step when a text was a bag of counted words. Today's models
read the words in their order, and there "not", "who" and "to" decide what a sentence says, so
nothing is left out any more. The list is short, and our own.
"""

__all__ = ["STOP_WORDS", "without_stop_words"]

_WORDS = """
a an the this that these those such
i me my we us our you your he him his she her it its they them their
who whom whose which what
and or but nor so than if then because while although
of in on at by for from to with without into onto about over under between through during
before after above below up down out off
am is are was were be been being do does did have has had having
will would shall should can could may might must
not no only just also very too more most some any each all both few other own same
as how when where why here there now once again
"""
STOP_WORDS = frozenset(_WORDS.split())


def without_stop_words(tokens, stop_words=STOP_WORDS):
    """Return the tokens that are not among the stop words, in their order, whatever their case.

    Args:
        tokens: A list of words.
        stop_words: Words in lower case.
    """
    return [token for token in tokens if token.lower() not in stop_words]
