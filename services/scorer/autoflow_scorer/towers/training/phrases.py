"""Words and frames of the short accounts that the text tower learns from, in English and German.

A slot holds concepts, and a concept holds words that mean the same; a frame holds sentences that mean
the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoflow.suites.planning import Language

Concepts = tuple[tuple[str, ...], ...]

_ENGLISH: Mapping[str, Concepts] = {
    "subject": (
        ("the food", "the meal"),
        ("the room",),
        ("the staff", "the service"),
        ("the film", "the movie"),
        ("the book", "the novel"),
        ("the music",),
        ("the weather",),
        ("the train",),
        ("the hotel",),
        ("the garden",),
        ("the phone",),
        ("the coffee",),
    ),
    "quality": (
        ("good", "fine"),
        ("great", "wonderful", "excellent"),
        ("beautiful", "lovely"),
        ("friendly", "kind"),
        ("bad", "poor"),
        ("terrible", "awful", "horrible"),
        ("slow",),
        ("dirty", "filthy"),
        ("expensive", "costly"),
        ("boring", "dull"),
        ("cheap", "inexpensive"),
        ("fast", "quick"),
        ("quiet", "silent"),
        ("old",),
        ("new",),
    ),
    "degree": (("very", "really"), ("rather", "quite"), ("a little", "slightly"), ("not",)),
    "person": (
        ("Anna",),
        ("Ben",),
        ("the teacher",),
        ("the child", "the kid"),
        ("the old man",),
        ("my sister",),
        ("the doctor", "the physician"),
        ("a friend",),
        ("the farmer",),
        ("our neighbour",),
    ),
    "action": (
        ("walked to the market", "went to the market on foot"),
        ("bought fresh bread",),
        ("waited at the station",),
        ("painted the door",),
        ("wrote a long letter",),
        ("lost the key",),
        ("found a small dog", "discovered a small dog"),
        ("cooked a soup", "made a soup"),
        ("repaired the bicycle", "fixed the bike"),
        ("sold the house",),
        ("opened the window",),
        ("visited the museum",),
    ),
    "when": (
        ("in the morning",),
        ("yesterday",),
        ("in the evening",),
        ("on Monday",),
        ("last winter",),
        ("today",),
        ("at noon",),
        ("in summer", "during the summer"),
    ),
    "feeling": (
        ("happy", "glad"),
        ("sad", "unhappy"),
        ("angry", "furious"),
        ("tired",),
        ("surprised", "astonished"),
        ("proud",),
        ("afraid", "scared"),
    ),
}

_GERMAN: Mapping[str, Concepts] = {
    "subject": (
        ("das Essen", "die Mahlzeit"),
        ("das Zimmer",),
        ("das Personal", "der Service"),
        ("der Film",),
        ("das Buch", "der Roman"),
        ("die Musik",),
        ("das Wetter",),
        ("der Zug",),
        ("das Hotel",),
        ("der Garten",),
        ("das Telefon",),
        ("der Kaffee",),
    ),
    "quality": (
        ("gut",),
        ("großartig", "wunderbar", "ausgezeichnet"),
        ("schön", "hübsch"),
        ("freundlich", "nett"),
        ("schlecht",),
        ("schrecklich", "furchtbar"),
        ("langsam",),
        ("schmutzig", "dreckig"),
        ("teuer", "kostspielig"),
        ("langweilig", "öde"),
        ("billig", "günstig"),
        ("schnell",),
        ("ruhig", "still"),
        ("alt",),
        ("neu",),
    ),
    "degree": (("sehr", "wirklich"), ("ziemlich", "recht"), ("ein wenig", "etwas"), ("nicht",)),
    "person": (
        ("Anna",),
        ("Ben",),
        ("die Lehrerin",),
        ("das Kind",),
        ("der alte Mann",),
        ("meine Schwester",),
        ("der Arzt", "der Doktor"),
        ("ein Freund",),
        ("der Bauer", "der Landwirt"),
        ("unser Nachbar",),
    ),
    "action": (
        ("zum Markt gegangen", "zum Markt gelaufen"),
        ("am Bahnhof gewesen",),
        ("nach Hause gekommen", "heimgekommen"),
        ("im Museum gewesen",),
        ("in den Fluss gefallen",),
        ("mit dem Zug gefahren",),
        ("durch den Park gerannt",),
        ("auf den Berg gestiegen",),
    ),
    "when": (
        ("am Morgen",),
        ("gestern",),
        ("am Abend",),
        ("am Montag",),
        ("letzten Winter", "im letzten Winter"),
        ("heute",),
        ("mittags", "am Mittag"),
        ("im Sommer",),
    ),
    "feeling": (
        ("glücklich", "froh"),
        ("traurig", "unglücklich"),
        ("wütend", "zornig"),
        ("müde",),
        ("überrascht", "erstaunt"),
        ("stolz",),
        ("ängstlich",),
    ),
}

SLOTS: Mapping[Language, Mapping[str, Concepts]] = MappingProxyType(
    {Language.ENGLISH: _ENGLISH, Language.GERMAN: _GERMAN}
)

FRAMES: Mapping[Language, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        Language.ENGLISH: {
            "quality": (
                "{subject} was {degree} {quality}",
                "all in all, {subject} was {degree} {quality}",
                "I found that {subject} was {degree} {quality}",
            ),
            "action": (
                "{person} {action} {when}",
                "{when} {person} {action}",
                "it was {when} that {person} {action}",
            ),
            "feeling": ("{person} was {degree} {feeling} {when}", "{when} {person} was {degree} {feeling}"),
        },
        Language.GERMAN: {
            "quality": (
                "{subject} war {degree} {quality}",
                "insgesamt war {subject} {degree} {quality}",
                "ich fand, {subject} war {degree} {quality}",
            ),
            "action": ("{person} ist {when} {action}", "{when} ist {person} {action}"),
            "feeling": ("{person} war {when} {degree} {feeling}", "{when} war {person} {degree} {feeling}"),
        },
    }
)
"""The first sentence of a frame holds all of its slots."""
