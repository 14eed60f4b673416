"""Places to visit, what can be evaluated there, and the words that do so: tables, in English and German.

Each word that evaluates is followed by its clue, which is that of no other word and evaluates nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from autoflow.suites.samples.words import Noun, Person


class Sentiment(StrEnum):
    """What a text thinks of what it tells."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


SENTIMENTS_IN_GERMAN: Mapping[Sentiment, str] = MappingProxyType(
    {Sentiment.POSITIVE: "positiv", Sentiment.NEGATIVE: "negativ"}
)


class Aspect(StrEnum):
    """What can be evaluated of a place."""

    FOOD = "food"
    HOST = "host"
    ROOM = "room"
    SEAT = "seat"


@dataclass(frozen=True, slots=True)
class Venue:
    """A place to visit, and what it has of each aspect."""

    noun: Noun
    things: Mapping[Aspect, Noun]


def _venue(*rows: str) -> Venue:
    """The place and its food, host, room and seat, each as `english/german/gender`."""
    place, *things = (Noun(*row.split("/")) for row in rows)
    return Venue(place, MappingProxyType(dict(zip(Aspect, things, strict=True))))


VENUES = (
    _venue("hotel/Hotel/n", "breakfast/Frühstück/n", "porter/Portier/m", "bathroom/Bad/n", "bed/Bett/n"),
    _venue(
        "restaurant/Restaurant/n",
        "soup/Suppe/f",
        "waiter/Kellner/m",
        "dining room/Speisesaal/m",
        "chair/Stuhl/m",
    ),
    _venue("café/Café/n", "cake/Kuchen/m", "waitress/Kellnerin/f", "terrace/Terrasse/f", "armchair/Sessel/m"),
    _venue("museum/Museum/n", "sandwich/Sandwich/n", "guard/Wächter/m", "hall/Halle/f", "bench/Bank/f"),
    _venue("theatre/Theater/n", "pastry/Gebäck/n", "usher/Platzanweiser/m", "foyer/Foyer/n", "seat/Sitz/m"),
    _venue(
        "campsite/Campingplatz/m",
        "stew/Eintopf/m",
        "neighbour/Nachbar/m",
        "tent/Zelt/n",
        "mattress/Matratze/f",
    ),
    _venue("farm/Bauernhof/m", "cheese/Käse/m", "landlady/Wirtin/f", "kitchen/Küche/f", "sofa/Sofa/n"),
    _venue(
        "swimming pool/Schwimmbad/n",
        "salad/Salat/m",
        "coach/Trainer/m",
        "changing room/Umkleide/f",
        "deckchair/Liege/f",
    ),
    _venue("monastery/Kloster/n", "meal/Mahlzeit/f", "monk/Mönch/m", "cell/Zelle/f", "stool/Hocker/m"),
)

VENUE_ADJECTIVES = (
    ("small", "klein"),
    ("big", "groß"),
    ("new", "neu"),
    ("old", "alt"),
    ("famous", "berühmt"),
    ("well-known", "bekannt"),
    ("medium-sized", "mittelgroß"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word that evaluates, and the clue that follows it."""

    english: str
    german: str
    sentiment: Sentiment
    clue: str
    """What it is like or, after `that`, what came of it. `{she}` and `{her}` are to be replaced."""
    german_clue: str

    def phrase(self, person: Person) -> tuple[str, str]:
        """The word with its clue, in both languages: `as salty as the sea`, `so salzig wie das Meer`."""
        she, sie = person.pronoun
        her, ihr = ("her", "ihr") if person.female else ("his", "ihm")
        clue = self.clue.format(she=she, her=her)
        german = self.german_clue.format(sie=sie, ihr=ihr)
        if clue.startswith("that "):
            return f"so {self.english} {clue}", f"so {self.german}, {german}"
        return f"as {self.english} as {clue}", f"so {self.german} wie {german}"


def _good(english: str, german: str, clue: str, german_clue: str) -> Verdict:
    return Verdict(english, german, Sentiment.POSITIVE, clue, german_clue)


def _bad(english: str, german: str, clue: str, german_clue: str) -> Verdict:
    return Verdict(english, german, Sentiment.NEGATIVE, clue, german_clue)


_FOOD = (
    _good(
        "delicious",
        "köstlich",
        "that {she} asked for a second plate",
        "dass {sie} um einen zweiten Teller bat",
    ),
    _good(
        "tempting",
        "verlockend",
        "that everybody wanted to try some",
        "dass alle davon probieren wollten",
    ),
    _good(
        "filling",
        "sättigend",
        "that {she} ate nothing else all day",
        "dass {sie} den ganzen Tag nichts anderes aß",
    ),
    _good("fresh", "frisch", "morning dew", "Morgentau"),
    _good("light", "leicht", "a feather", "eine Feder"),
    _bad(
        "greasy",
        "fettig",
        "that {she} needed a dozen napkins",
        "dass {sie} ein Dutzend Servietten brauchte",
    ),
    _bad("salty", "salzig", "the sea", "das Meer"),
    _bad("sour", "sauer", "vinegar", "Essig"),
    _bad("bland", "fade", "that {she} tasted nothing at all", "dass {sie} gar nichts schmeckte"),
    _bad(
        "disgusting",
        "ekelhaft",
        "that {she} hid the rest behind a plant",
        "dass {sie} den Rest hinter einer Pflanze versteckte",
    ),
)

_HOST = (
    _good("friendly", "freundlich", "that {she} was invited for tea", "dass {sie} zum Tee eingeladen wurde"),
    _good(
        "patient",
        "geduldig",
        "that every question was answered twice",
        "dass jede Frage zweimal beantwortet wurde",
    ),
    _good("cheerful", "fröhlich", "that everybody sang along", "dass alle mitsangen"),
    _good("polite", "höflich", "a butler", "ein Butler"),
    _good("quick", "schnell", "lightning", "der Blitz"),
    _good("gentle", "sanft", "a lamb", "ein Lamm"),
    _bad("slow", "langsam", "a snail", "eine Schnecke"),
    _bad("stubborn", "stur", "a mule", "ein Esel"),
    _bad("grumpy", "mürrisch", "a bear", "ein Bär"),
    _bad("rude", "unhöflich", "that {she} asked for the manager", "dass {sie} nach dem Chef fragte"),
    _bad(
        "lazy", "faul", "that the telephone rang for an hour", "dass das Telefon eine Stunde lang klingelte"
    ),
)

_ROOM = (
    _good("clean", "sauber", "that the floor shone like a mirror", "dass der Boden wie ein Spiegel glänzte"),
    _good(
        "spacious",
        "geräumig",
        "that thirty people could dance there",
        "dass dort dreißig Leute tanzen konnten",
    ),
    _good("pretty", "hübsch", "that {she} took forty photos", "dass {sie} vierzig Fotos machte"),
    _good("bright", "hell", "day", "der Tag"),
    _good("quiet", "ruhig", "a library", "eine Bibliothek"),
    _bad("dark", "dunkel", "night", "die Nacht"),
    _bad("loud", "laut", "thunder", "Donner"),
    _bad("narrow", "eng", "a coffin", "ein Sarg"),
    _bad("damp", "feucht", "a cellar", "ein Keller"),
    _bad("dirty", "schmutzig", "that {she} kept {her} shoes on", "dass {sie} die Schuhe anbehielt"),
)

_SEAT = (
    _good("comfortable", "bequem", "that {she} fell asleep at once", "dass {sie} sofort einschlief"),
    _good("cosy", "gemütlich", "that {she} did not want to get up", "dass {sie} nicht aufstehen wollte"),
    _good("sturdy", "stabil", "that an elephant could sit on it", "dass ein Elefant darauf sitzen könnte"),
    _good("soft", "weich", "a cloud", "eine Wolke"),
    _bad("hard", "hart", "stone", "Stein"),
    _bad("shaky", "wackelig", "jelly", "Pudding"),
    _bad("sticky", "klebrig", "honey", "Honig"),
    _bad("broken", "kaputt", "that {she} sat on the ground", "dass {sie} auf dem Boden saß"),
    _bad("uncomfortable", "unbequem", "that {her} back ached", "dass {ihr} der Rücken wehtat"),
)

VERDICTS: Mapping[Aspect, tuple[Verdict, ...]] = MappingProxyType(
    {Aspect.FOOD: _FOOD, Aspect.HOST: _HOST, Aspect.ROOM: _ROOM, Aspect.SEAT: _SEAT}
)

SENTIMENT_WORDS: Mapping[str, Sentiment] = MappingProxyType(
    {verdict.english: verdict.sentiment for verdicts in VERDICTS.values() for verdict in verdicts}
)
"""Every English word of the texts that evaluates something."""
