"""The words of which the invented country's names are made. None holds a comma, a semicolon or ` to `."""

from __future__ import annotations

REGIONS = {
    "Norrland Isle": ("Ardmoor", "Brackenshire", "Caldervale", "Dunmarsh", "Eskland", "Fenmark"),
    "Midway Isle": ("Galloway Reach", "Hollowdale", "Ivermark"),
    "Southern Isle": ("Juniper Coast", "Kestrel Plains", "Lowmere", "Myrtle Hills"),
}
"""The states of each region."""

CITY_STARTS = (
    *("Alder", "Amber", "Ash", "Birch", "Black", "Bram", "Brook", "Cedar", "Clay", "Cold", "Copper", "Corn"),
    *("Crane", "Dove", "East", "Elder", "Fair", "Fox", "Glen", "Gold", "Grey", "Hart", "Hazel", "High"),
    *("Iron", "Lark", "Linden", "Long", "Maple", "Mill", "North", "Oak", "Otter", "Pine", "Red", "Rose"),
)
CITY_ENDS = (
    "bridge",
    "bury",
    "combe",
    "field",
    "ford",
    "gate",
    "ham",
    "haven",
    "mere",
    "port",
    "stead",
    "wick",
)

ADJECTIVES = (
    *("Amber", "Blue", "Brass", "Bright", "Broad", "Copper", "Crimson", "Crooked", "Early", "Emerald"),
    *("Fallen", "Faithful", "Floating", "Gentle", "Gilded", "Green", "Happy", "Hidden", "Humble", "Ivory"),
    *("Jolly", "Last", "Laughing", "Little", "Lucky", "Merry", "Midnight", "Mossy", "Old", "Painted"),
    *("Proud", "Quiet", "Rusty", "Salty", "Scarlet", "Silent", "Silver", "Sleepy", "Wandering", "Wild"),
)
TABLES = (
    *("Anchor", "Barrel", "Basket", "Bell", "Bowl", "Candle", "Cellar", "Drum", "Fork", "Garden", "Goose"),
    *(
        "Griddle",
        "Heron",
        "Hearth",
        "Kettle",
        "Ladle",
        "Lantern",
        "Lemon",
        "Mortar",
        "Olive",
        "Oven",
        "Pepper",
    ),
    *("Pestle", "Plate", "Saffron", "Skillet", "Spoon", "Thistle", "Tureen", "Whisk"),
)
"""What restaurants are named after."""

ROOMS = {
    "entire home": ("Cottage", "Loft", "Bungalow", "Flat", "Townhouse"),
    "private room": ("Room", "Studio", "Attic Room", "Garden Room", "Corner Room"),
    "shared room": ("Dormitory", "Bunk Room", "Hostel Bed", "Shared Attic", "Shared Cabin"),
}
PLACES = (
    *("by the Canal", "by the Church", "by the Market", "by the Mill", "by the Park", "by the River"),
    *("by the Station", "by the Theatre", "near the Bridge", "near the Gardens", "near the Harbour"),
    *("near the Library", "near the Old Town", "near the University", "on the Hill", "on the Square"),
)

SIGHTS = {
    "museum": (
        "Museum of {}",
        ("Clocks", "Glass", "Ships", "Maps", "Masks", "Steam", "Bells", "Ink", "Salt", "Toys"),
    ),
    "garden": (
        "{} Gardens",
        ("Orchid", "Willow", "Lotus", "Maze", "Fern", "Iris", "Cactus", "Palm", "Moss", "Water"),
    ),
    "tower": (
        "{} Tower",
        ("Signal", "Raven", "Clock", "Beacon", "Powder", "Queen", "Wind", "Star", "Gate", "Crane"),
    ),
    "market": (
        "{} Market",
        ("Fish", "Flower", "Night", "Book", "Spice", "Cloth", "Corn", "Lamp", "Salt", "Coin"),
    ),
    "park": (
        "{} Park",
        ("Deer", "Castle", "Lake", "Bison", "Meadow", "Forest", "Canyon", "Sculpture", "Kite", "Hill"),
    ),
    "hall": (
        "{} Hall",
        ("Guild", "Concert", "Mirror", "Marble", "Banner", "Harp", "Oak", "Silk", "Wool", "Mint"),
    ),
    "bridge": (
        "{} Bridge",
        ("Chain", "Arch", "Covered", "Swan", "Lion", "Rope", "Toll", "Moon", "Miller", "Salt"),
    ),
}
"""For each kind of attraction how it is named, and after what."""
