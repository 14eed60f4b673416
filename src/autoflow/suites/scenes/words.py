"""The words for scenes, in English and German: tables, and how a noun phrase is put together.

All phrases stand in the nominative, so that German needs one ending for each gender.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from autoflow.suites.planning import Language
from autoflow.suites.scenes.model import Colour, Kind, Place, Size, Time


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun in its numbers; `gender` is m, f or n, and empty in English."""

    one: str
    many: str
    gender: str = ""


@dataclass(frozen=True)
class Lexicon:
    """One language's words. Of several words for one thing the first is used in captions and answers."""

    kinds: Mapping[Kind, tuple[Noun, ...]]
    colours: Mapping[Colour, str]
    sizes: Mapping[Size, tuple[str, ...]]
    places: Mapping[Place, str]
    """The name of the class."""
    where: Mapping[Place, tuple[str, ...]]
    times: Mapping[Time, str]
    when: Mapping[Time, tuple[str, ...]]
    numbers: tuple[str, ...]
    """From nought to four."""
    yes: str
    no: str
    nothing: str
    conjunction: str
    endings: Mapping[str, str]
    """What an adjective ends in, by the gender of its noun."""
    articles: Mapping[str, str]
    """The indefinite article, by gender; in English it depends on the word that follows."""
    patterns: tuple[str, ...]
    """Sentences around {things}, {where} and {when}, whatever the order of the things."""
    ordered: tuple[str, ...]
    """Sentences that name the things from left to right."""
    backward: tuple[str, ...]
    """Sentences that name the things from right to left."""

    def phrase(self, noun: Noun, *adjectives: str) -> str:
        """A noun with its adjectives and the indefinite article, such as `a small red ball`."""
        inflected = [adjective + self.endings[noun.gender] for adjective in adjectives]
        words = " ".join([*inflected, noun.one])
        article = self.articles[noun.gender]
        return f"{article}n {words}" if article == "a" and words[0] in "aeiou" else f"{article} {words}"

    def joined(self, phrases: list[str]) -> str:
        """Phrases as one enumeration."""
        if len(phrases) == 1:
            return phrases[0]
        return f"{', '.join(phrases[:-1])} {self.conjunction} {phrases[-1]}"


ENGLISH = Lexicon(
    kinds={
        Kind.BALL: (Noun("ball", "balls"),),
        Kind.BALLOON: (Noun("balloon", "balloons"),),
        Kind.BIRD: (Noun("bird", "birds"),),
        Kind.BOAT: (Noun("boat", "boats"), Noun("ship", "ships")),
        Kind.BOX: (Noun("box", "boxes"), Noun("crate", "crates")),
        Kind.CAR: (Noun("car", "cars"), Noun("automobile", "automobiles")),
        Kind.CAT: (Noun("cat", "cats"),),
        Kind.FISH: (Noun("fish", "fish"),),
        Kind.FLOWER: (Noun("flower", "flowers"), Noun("blossom", "blossoms")),
        Kind.HOUSE: (Noun("house", "houses"), Noun("cottage", "cottages")),
        Kind.MOON: (Noun("moon", "moons"), Noun("crescent", "crescents")),
        Kind.STAR: (Noun("star", "stars"),),
        Kind.TREE: (Noun("tree", "trees"),),
        Kind.UMBRELLA: (Noun("umbrella", "umbrellas"), Noun("parasol", "parasols")),
    },
    colours={colour: colour.value for colour in Colour},
    sizes={Size.SMALL: ("small", "little"), Size.LARGE: ("large", "big")},
    places={place: place.value for place in Place},
    where={
        Place.BEACH: ("on a beach", "at the seaside"),
        Place.CITY: ("in a city", "in a town"),
        Place.DESERT: ("in a desert", "among the dunes"),
        Place.FOREST: ("in a forest", "in the woods"),
        Place.MEADOW: ("on a meadow", "on a grassy field"),
        Place.MOUNTAINS: ("in the mountains", "in front of high peaks"),
        Place.ROOM: ("in a room", "indoors"),
        Place.SEA: ("on the sea", "on open water"),
    },
    times={time: time.value for time in Time},
    when={
        Time.DAY: ("by day", "in daylight"),
        Time.SUNSET: ("at sunset", "in the evening light"),
        Time.NIGHT: ("at night", "in the dark"),
    },
    numbers=("none", "one", "two", "three", "four"),
    yes="yes",
    no="no",
    nothing="nothing",
    conjunction="and",
    endings={"": ""},
    articles={"": "a"},
    patterns=(
        "{things} {where} {when}",
        "{where} {when}: {things}",
        "there is {things} {where} {when}",
        "{when} {where} one sees {things}",
        "the picture shows {things} {where} {when}",
    ),
    ordered=(
        "from left to right: {things}, {where} {when}",
        "{where} {when} are, from left to right, {things}",
    ),
    backward=("from right to left: {things}, {where} {when}",),
)

GERMAN = Lexicon(
    kinds={
        Kind.BALL: (Noun("Ball", "Bälle", "m"),),
        Kind.BALLOON: (Noun("Ballon", "Ballons", "m"),),
        Kind.BIRD: (Noun("Vogel", "Vögel", "m"),),
        Kind.BOAT: (Noun("Boot", "Boote", "n"), Noun("Schiff", "Schiffe", "n")),
        Kind.BOX: (Noun("Kiste", "Kisten", "f"), Noun("Schachtel", "Schachteln", "f")),
        Kind.CAR: (Noun("Auto", "Autos", "n"), Noun("Wagen", "Wagen", "m")),
        Kind.CAT: (Noun("Katze", "Katzen", "f"),),
        Kind.FISH: (Noun("Fisch", "Fische", "m"),),
        Kind.FLOWER: (Noun("Blume", "Blumen", "f"), Noun("Blüte", "Blüten", "f")),
        Kind.HOUSE: (Noun("Haus", "Häuser", "n"), Noun("Häuschen", "Häuschen", "n")),
        Kind.MOON: (Noun("Mond", "Monde", "m"), Noun("Halbmond", "Halbmonde", "m")),
        Kind.STAR: (Noun("Stern", "Sterne", "m"),),
        Kind.TREE: (Noun("Baum", "Bäume", "m"),),
        Kind.UMBRELLA: (Noun("Regenschirm", "Regenschirme", "m"), Noun("Schirm", "Schirme", "m")),
    },
    colours={
        Colour.BLACK: "schwarz",
        Colour.PURPLE: "violett",
        Colour.BLUE: "blau",
        Colour.RED: "rot",
        Colour.GREEN: "grün",
        Colour.ORANGE: "orangefarben",
        Colour.YELLOW: "gelb",
        Colour.WHITE: "weiß",
    },
    sizes={Size.SMALL: ("klein",), Size.LARGE: ("groß",)},
    places={
        Place.BEACH: "Strand",
        Place.CITY: "Stadt",
        Place.DESERT: "Wüste",
        Place.FOREST: "Wald",
        Place.MEADOW: "Wiese",
        Place.MOUNTAINS: "Berge",
        Place.ROOM: "Zimmer",
        Place.SEA: "Meer",
    },
    where={
        Place.BEACH: ("an einem Strand", "am Meeresufer"),
        Place.CITY: ("in einer Stadt", "in einem Ort"),
        Place.DESERT: ("in einer Wüste", "zwischen den Dünen"),
        Place.FOREST: ("in einem Wald", "im Wald"),
        Place.MEADOW: ("auf einer Wiese", "auf grünem Gras"),
        Place.MOUNTAINS: ("in den Bergen", "vor hohen Gipfeln"),
        Place.ROOM: ("in einem Zimmer", "drinnen"),
        Place.SEA: ("auf dem Meer", "auf offenem Wasser"),
    },
    times={Time.DAY: "Tag", Time.SUNSET: "Sonnenuntergang", Time.NIGHT: "Nacht"},
    when={
        Time.DAY: ("am Tag", "bei Tageslicht"),
        Time.SUNSET: ("bei Sonnenuntergang", "im Abendlicht"),
        Time.NIGHT: ("bei Nacht", "im Dunkeln"),
    },
    numbers=("keine", "eins", "zwei", "drei", "vier"),
    yes="ja",
    no="nein",
    nothing="nichts",
    conjunction="und",
    endings={"m": "er", "f": "e", "n": "es"},
    articles={"m": "ein", "f": "eine", "n": "ein"},
    patterns=(
        "{things} {where} {when}",
        "{where} {when}: {things}",
        "{where} {when} ist zu sehen: {things}",
        "{when} {where} steht im Bild {things}",
        "das Bild zeigt {where} {when}: {things}",
    ),
    ordered=(
        "von links nach rechts: {things}, {where} {when}",
        "{where} {when} sind, von links nach rechts, {things}",
    ),
    backward=("von rechts nach links: {things}, {where} {when}",),
)

LEXICONS: Mapping[Language, Lexicon] = MappingProxyType({Language.ENGLISH: ENGLISH, Language.GERMAN: GERMAN})
