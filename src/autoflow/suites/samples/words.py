"""The controlled vocabulary of the built-in texts, in English and German: tables and nothing else.

What can be left out stands beside its clue: words of the same text from which a reader knows it, such as the
work of a baker, who bakes bread. So a gap can always be filled, and only from its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from autoflow.suites.scenes import Colour, Kind

GAP = "[MASK]"
"""What stands in a text in place of a word that is to be filled in."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a text is about: a name, equal in both languages, and pronouns."""

    name: str
    female: bool

    @property
    def pronoun(self) -> tuple[str, str]:
        """In English and German."""
        return ("she", "sie") if self.female else ("he", "er")


PEOPLE = tuple(
    Person(name, female)
    for names, female in (
        ("Anna Clara Emma Greta Ida Lena Mia Nora Paula Vera", True),
        ("Ben David Felix Hugo Jonas Karl Leon Oskar Paul Simon", False),
    )
    for name in names.split()
)


@dataclass(frozen=True, slots=True)
class Job:
    """A trade, and the work that is its clue."""

    english: str
    woman: str
    """In German."""
    man: str
    """In German."""
    work: str
    """With a verb in the third person: `bakes bread`."""
    verb: str
    """Its German verb; a subject stands between that and the rest."""
    rest: str

    def pair(self, person: Person) -> tuple[str, str]:
        """What a person of that trade is called, in English and German."""
        return self.english, self.woman if person.female else self.man


JOBS = (
    Job("baker", "Bäckerin", "Bäcker", "bakes bread", "backt", "Brot"),
    Job("cook", "Köchin", "Koch", "stirs soups", "rührt", "Suppen"),
    Job("teacher", "Lehrerin", "Lehrer", "teaches children to read", "bringt", "Kindern das Lesen bei"),
    Job("pilot", "Pilotin", "Pilot", "flies planes", "fliegt", "Flugzeuge"),
    Job("dentist", "Zahnärztin", "Zahnarzt", "pulls teeth", "zieht", "Zähne"),
    Job("farmer", "Bäuerin", "Bauer", "milks cows", "melkt", "Kühe"),
    Job("painter", "Malerin", "Maler", "paints portraits", "malt", "Porträts"),
    Job("gardener", "Gärtnerin", "Gärtner", "plants roses", "pflanzt", "Rosen"),
    Job("tailor", "Schneiderin", "Schneider", "sews coats", "näht", "Mäntel"),
    Job("carpenter", "Tischlerin", "Tischler", "builds tables", "baut", "Tische"),
    Job("hairdresser", "Friseurin", "Friseur", "cuts hair", "schneidet", "Haare"),
    Job("fisher", "Fischerin", "Fischer", "mends nets", "flickt", "Netze"),
    Job("librarian", "Bibliothekarin", "Bibliothekar", "lends books", "verleiht", "Bücher"),
    Job("judge", "Richterin", "Richter", "settles quarrels", "schlichtet", "Streit"),
    Job("watchmaker", "Uhrmacherin", "Uhrmacher", "repairs clocks", "repariert", "Uhren"),
)

TOWNS = (
    ("Athens", "Athen", "Greece", "Griechenland"),
    ("Berlin", "Berlin", "Germany", "Deutschland"),
    ("Brussels", "Brüssel", "Belgium", "Belgien"),
    ("Budapest", "Budapest", "Hungary", "Ungarn"),
    ("Copenhagen", "Kopenhagen", "Denmark", "Dänemark"),
    ("Dublin", "Dublin", "Ireland", "Irland"),
    ("Helsinki", "Helsinki", "Finland", "Finnland"),
    ("Lisbon", "Lissabon", "Portugal", "Portugal"),
    ("London", "London", "England", "England"),
    ("Madrid", "Madrid", "Spain", "Spanien"),
    ("Oslo", "Oslo", "Norway", "Norwegen"),
    ("Paris", "Paris", "France", "Frankreich"),
    ("Rome", "Rom", "Italy", "Italien"),
    ("Stockholm", "Stockholm", "Sweden", "Schweden"),
    ("Vienna", "Wien", "Austria", "Österreich"),
    ("Warsaw", "Warschau", "Poland", "Polen"),
)
"""Capitals in English and German, each with its country, which is its clue."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun in English and German; `gender` is m, f or n."""

    english: str
    german: str
    gender: str

    @property
    def definite(self) -> tuple[str, str]:
        """With its article, in the nominative: `the soup`, `die Suppe`."""
        return f"the {self.english}", f"{_DEFINITE[self.gender]} {self.german}"

    def indefinite(self, adjective: str, german: str) -> tuple[str, str]:
        """With an adjective, in the accusative: `a small farm`, `einen kleinen Bauernhof`."""
        article, ending = _INDEFINITE[self.gender]
        english = f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {self.english}"
        return english, f"{article} {german}{ending} {self.german}"


_DEFINITE = MappingProxyType({"m": "der", "f": "die", "n": "das"})
_INDEFINITE = MappingProxyType({"m": ("einen", "en"), "f": ("eine", "e"), "n": ("ein", "es")})


@dataclass(frozen=True, slots=True)
class Animal:
    """An animal that comes along, and the habit that is its clue."""

    noun: Noun
    habit: str
    german_habit: str


ANIMALS = (
    Animal(Noun("dog", "Hund", "m"), "barked at every bus", "jeden Bus anbellte"),
    Animal(Noun("cat", "Katze", "f"), "purred all the way", "den ganzen Weg schnurrte"),
    Animal(Noun("parrot", "Papagei", "m"), "repeated every word", "jedes Wort wiederholte"),
    Animal(Noun("hen", "Henne", "f"), "laid an egg on the way", "unterwegs ein Ei legte"),
    Animal(Noun("duck", "Ente", "f"), "quacked in every puddle", "in jeder Pfütze quakte"),
    Animal(Noun("rabbit", "Kaninchen", "n"), "nibbled at carrots", "an Karotten knabberte"),
    Animal(Noun("donkey", "Esel", "m"), "brayed at the traffic", "den Verkehr anschrie"),
    Animal(Noun("frog", "Frosch", "m"), "croaked in its jar", "in seinem Glas quakte"),
)

WHEN = (
    ("last Monday", "letzten Montag"),
    ("last Tuesday", "letzten Dienstag"),
    ("last Wednesday", "letzten Mittwoch"),
    ("last Thursday", "letzten Donnerstag"),
    ("last Friday", "letzten Freitag"),
    ("last Saturday", "letzten Samstag"),
    ("last Sunday", "letzten Sonntag"),
    ("in January", "im Januar"),
    ("in March", "im März"),
    ("in May", "im Mai"),
    ("in July", "im Juli"),
    ("in October", "im Oktober"),
    ("in December", "im Dezember"),
    ("in spring", "im Frühling"),
    ("in autumn", "im Herbst"),
    ("yesterday", "gestern"),
    ("two weeks ago", "vor zwei Wochen"),
    ("a year ago", "vor einem Jahr"),
)

WAYS = (
    ("by train", "mit dem Zug"),
    ("by bus", "mit dem Bus"),
    ("by bicycle", "mit dem Fahrrad"),
    ("by motorcycle", "mit dem Motorrad"),
    ("by car", "mit dem Auto"),
    ("by plane", "mit dem Flugzeug"),
    ("by taxi", "mit dem Taxi"),
    ("on foot", "zu Fuß"),
)

WEATHER = (
    ("rainy", "regnerisch"),
    ("foggy", "neblig"),
    ("stormy", "stürmisch"),
    ("sunny", "sonnig"),
    ("cloudy", "bewölkt"),
    ("frosty", "frostig"),
    ("windy", "windig"),
)

NUMBERS = (
    ("seven", "sieben"),
    ("nine", "neun"),
    ("twelve", "zwölf"),
    ("fifteen", "fünfzehn"),
    ("twenty", "zwanzig"),
    ("thirty", "dreißig"),
    ("fifty", "fünfzig"),
    ("eighty", "achtzig"),
)

LATER = (
    ("in the evening", "am Abend"),
    ("after three hours", "nach drei Stunden"),
    ("on the next day", "am nächsten Tag"),
    ("after a week", "nach einer Woche"),
    ("at midnight", "um Mitternacht"),
)

COLOUR_CLUES: Mapping[Colour, str] = MappingProxyType(
    {
        Colour.BLACK: "the colour of coal",
        Colour.PURPLE: "the colour of a ripe plum",
        Colour.BLUE: "the colour of a cornflower",
        Colour.RED: "the colour of a tomato",
        Colour.GREEN: "the colour of grass",
        Colour.ORANGE: "the colour of a carrot",
        Colour.YELLOW: "the colour of a lemon",
        Colour.WHITE: "the colour of snow",
    }
)

KIND_CLUES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.BALL: "ready to be kicked",
        Kind.BALLOON: "floating on a string",
        Kind.BIRD: "flapping its wings",
        Kind.BOAT: "with a mast and a sail",
        Kind.BOX: "closed with a lid",
        Kind.CAR: "with four wheels",
        Kind.CAT: "washing its whiskers",
        Kind.FISH: "with shining scales",
        Kind.FLOWER: "in full bloom",
        Kind.HOUSE: "with a door and a chimney",
        Kind.MOON: "thin as a sickle",
        Kind.STAR: "with five points",
        Kind.TREE: "with roots and branches",
        Kind.UMBRELLA: "opened against the rain",
    }
)
