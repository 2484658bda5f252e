"""A talk on five things, one after the other, as somebody might give it; all of it ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A stretch of a talk.

    Attributes:
        photograph: of `tests.media.packages.photographs`, shown meanwhile.
        names: words of which a fair title has at least one.
    """

    photograph: str
    names: frozenset[str]
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


def _topic(photograph: str, names: str, text: str) -> Topic:
    lines = tuple(" ".join(line.split()) for line in text.strip().splitlines())
    return Topic(photograph, frozenset(names.split()), lines)


TOPICS = (
    _topic(
        "coffee",
        "coffee beans roasting roaster espresso grinder",
        """
        Good coffee begins with the beans.
        Our beans come from a farm in Ethiopia, two thousand metres above the sea.
        The roaster heats the beans for twelve minutes until they crack.
        A light roast tastes of fruit, and a dark roast tastes of chocolate.
        Then the grinder turns the beans into a fine powder.
        For an espresso the water is pressed through the powder at nine bars.
        The cup should be ready in thirty seconds.
        Many people drink their coffee with milk, but the roaster drinks it black.
        """,
    ),
    _topic(
        "rocket",
        "rocket satellite launch engine engines orbit fuel",
        """
        A rocket has to carry all of its fuel and all of its oxygen.
        This rocket stands on the launch pad in Florida.
        Nine engines lift the rocket from the ground.
        After three minutes the first stage falls back and lands on a ship.
        The second stage carries the satellite into its orbit.
        The satellite will watch the weather of the whole planet.
        In orbit the satellite opens its solar panels.
        Every ninety minutes the satellite goes once around the earth.
        """,
    ),
    _topic(
        "cat",
        "cat cats kittens whiskers",
        """
        Cats have lived with us for nine thousand years.
        A cat sleeps for fifteen hours each day.
        With her whiskers a cat can measure a narrow door in the dark.
        This cat is called Chelsea, and she lives in a hospital for animals.
        Last spring Chelsea had four kittens.
        The kittens drink milk for eight weeks.
        A cat purrs when she is happy, and also when she is in pain.
        At night the kittens hunt a toy mouse.
        """,
    ),
    _topic(
        "motorcycle",
        "motorcycle motorcycles engine garage brakes carburettor",
        """
        An old motorcycle stands in my garage.
        My grandfather bought the motorcycle in nineteen sixty.
        To repair it I take the motor apart on the floor.
        The carburettor mixes the petrol with air.
        A worn chain must be replaced before it breaks.
        I clean the brakes with a brush and oil the cables.
        The tyres of the motorcycle are new.
        On Sunday I ride the motorcycle through the mountains.
        """,
    ),
    _topic(
        "astronaut",
        "violin violins orchestra music strings concert",
        """
        The violin is the smallest instrument of the strings.
        A violin maker carves the body from spruce and maple.
        The bow is made of wood and the hair of a horse.
        In an orchestra thirty violins play together.
        The conductor of the orchestra raises her hands and the music begins.
        Young musicians practise the violin four hours each day.
        The concert on Friday is sold out.
        After the concert the audience stands and claps.
        """,
    ),
)
