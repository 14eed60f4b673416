"""What steps establish and what later steps need, in other words: for `benchmarks.memory_quality`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that one step finds out and another one needs."""

    asks: str
    """The instruction of the step that establishes it."""
    needs: str
    """An instruction that cannot be followed without it, in other words."""


TOPICS = tuple(
    Topic(*words)
    for words in (
        (
            "List the hotels of the town with the price of a night",
            "Choose where to sleep for the least money",
        ),
        ("Find the flights of the first day", "Say when the plane leaves and from which gate"),
        ("Name the restaurants that serve vegetarian food", "Pick a place for dinner without meat"),
        ("Tell how far the cities are from each other", "Work out how long the drive takes"),
        ("Describe the weather of the week", "Decide whether an umbrella goes into the bag"),
        ("List the museums and when they are open", "Plan a morning of art and history"),
        ("Name the kind of damage that the picture has", "Choose a filter that repairs the photograph"),
        ("Detect the objects in the picture", "Count the things that can be seen in the image"),
        ("Translate the caption into English", "Quote the German title in the reader's language"),
        ("Classify the mood of the review", "Tell whether the customer was happy"),
        ("Summarise the complaint in one sentence", "Repeat briefly what the client is angry about"),
        ("List the ingredients of the soup", "Write a shopping list for the kitchen"),
        ("State the budget of the journey", "Check that the sum of the costs is affordable"),
        ("Find the people who travel along", "Book a seat for every passenger"),
        ("Name the allergies of the guests", "Make sure that nobody gets ill from the nuts"),
        ("Tell the opening balance of the account", "Subtract the payments from what was in the bank"),
        ("List the errors in the log", "Explain why the program crashed"),
        ("Name the version of the library", "Say which release has to be upgraded"),
        ("Find who wrote the function", "Ask the author of the code for a review"),
        ("Measure how long each query takes", "Find the slowest request to the database"),
        ("List the columns of the table of orders", "Write the SQL that joins purchases with clients"),
        ("Collect the dates of the meetings", "Find a free afternoon in the calendar"),
        ("Name the members of the committee", "Write the invitation to everybody on the board"),
        ("Extract the figures of the second quarter", "Draw a chart of the earnings from April to June"),
        ("Find the laws that apply to the contract", "Judge whether the agreement is legal"),
        ("List the symptoms of the patient", "Suggest what illness it may be"),
        ("Note the dose of the medicine", "Check that the pills are not too many"),
        ("Describe the apartment that is for rent", "Compare the flats by size and comfort"),
        ("Tell the plot of the novel", "Write a blurb for the cover of the book"),
        ("Name the characters of the play", "Cast an actor for each part"),
        ("Identify the language of the letter", "Choose the right interpreter for the text"),
        ("List the plants of the garden", "Say which flowers need water"),
        ("Find the recipe of the cake", "Set the oven and the baking time"),
        ("State the score of the match", "Announce who won the game"),
        ("Tell the speed of the trains", "Estimate when the railway arrives"),
        ("List the songs of the album", "Make a playlist for the party"),
        ("Describe the logo of the company", "Choose colours that match the brand"),
        ("Name the competitors in the market", "Compare our product with its rivals"),
        ("Extract the address of the shop", "Send the parcel to the right street"),
        ("Note the password rules of the site", "Check that the new login is strong enough"),
    )
)
