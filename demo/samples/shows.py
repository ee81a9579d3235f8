"""What the sample transcripts and clips do not say about themselves: shows, hosts, the readings' words."""

from dataclasses import dataclass
from enum import Enum


class DurationForm(Enum):
    """The three ways in which feeds write `itunes:duration`."""

    SECONDS = "4035"
    MINUTES = "67:15"
    HOURS = "1:07:15"


@dataclass(frozen=True)
class Show:
    """One Changelog show of the sample."""

    key: str
    """Name in the publisher's URLs, and of the folder of Markdown transcripts."""
    slug: str
    """Prefix of file names, here and at the publisher."""
    title: str
    description: str
    category: tuple[str, ...]
    """Apple's category, with its subcategory if there is one."""
    hosts: frozenset[str]
    """Regular voices; whoever else speaks is a guest. Taken from who opens and leads the show's transcripts."""
    duration_form: DurationForm


SHOWS = (
    Show(
        key="practicalai",
        slug="practical-ai",
        title="Practical AI",
        description="Machine learning as working people meet it: what a model can do, what it costs to run, and what it changes in a trade.",
        category=("Technology",),
        hosts=frozenset({"Daniel Whitenack", "Chris Benson"}),
        duration_form=DurationForm.MINUTES,
    ),
    Show(
        key="gotime",
        slug="go-time",
        title="Go Time",
        description="A panel of Go programmers on the language, its tools, the systems built with it, and the people around it.",
        category=("Technology",),
        hosts=frozenset(
            {
                "Mat Ryer",
                "Johnny Boursiquot",
                "Natalie Pistunovich",
                "Jon Calhoun",
                "Kris Brandow",
                "Angelica Hill",
                "Ashley Willis",
                "Carlisia Thompson",
                "Erik St. Martin",
                "Brian Ketelsen",
                "Mark Bates",
                "Jaana Dogan",
            }
        ),
        duration_form=DurationForm.SECONDS,
    ),
    Show(
        key="jsparty",
        slug="js-party",
        title="JS Party",
        description="A light-hearted panel on JavaScript and the web: frameworks, browsers, standards, and how people build with them.",
        category=("Technology",),
        hosts=frozenset(
            {
                "Jerod Santo",
                "Nick Nisi",
                "Kevin Ball",
                "Christopher Hiller",
                "Amal Hussein",
                "Suz Hinton",
                "Mikeal Rogers",
                "Alex Sexton",
                "Rachel White",
            }
        ),
        duration_form=DurationForm.HOURS,
    ),
    Show(
        key="founderstalk",
        slug="founders-talk",
        title="Founders Talk",
        description="Long one-to-one conversations with people who started companies: how it began, what nearly ended it, what they would do again.",
        category=("Business", "Entrepreneurship"),
        hosts=frozenset({"Adam Stacoviak"}),
        duration_form=DurationForm.SECONDS,
    ),
    Show(
        key="brainscience",
        slug="brain-science",
        title="Brain Science",
        description="A psychologist and a producer talk about habits, feelings and relationships, and what the brain has to do with them.",
        category=("Health & Fitness", "Mental Health"),
        hosts=frozenset({"Adam Stacoviak", "Mireille Reece"}),
        duration_form=DurationForm.MINUTES,
    ),
    Show(
        key="shipit",
        slug="ship-it",
        title="Ship It!",
        description="What happens to software after it is written: deploying it, running it, being woken up by it, and making all that dull.",
        category=("Technology",),
        hosts=frozenset({"Gerhard Lazu", "Justin Garrison", "Autumn Nash", "Jerod Santo", "Adam Stacoviak"}),
        duration_form=DurationForm.HOURS,
    ),
)
"""Each show's newest episode is one day older than that of the show before it, so that each has a weekday of its own."""

SPEAKER_ALIASES = {
    "Mireille B. Reece, Psy.D": "Mireille Reece",
    "Mireille Reece, PsyD": "Mireille Reece",
    "Johnny Boursiquot: Johnny Boursiquot": "Johnny Boursiquot",
}
"""Spellings of one person's name in the transcripts."""

NOT_SPEAKERS = frozenset({"Break", "Jingle", "Intro", "Outro", "Horse JS"})
"""Labels that the transcripts use for what is no conversation; its words are left out."""


@dataclass(frozen=True)
class Reading:
    """One clip of public-domain speech."""

    slug: str
    title: str
    description: str
    source: str
    """File name of the clip."""


VOICES_SLUG = "public-domain-voices"
VOICES_TITLE = "Public Domain Voices"
VOICES_DESCRIPTION = "Short recordings that belong to everybody: a president's most quoted sentence, and volunteers reading novels aloud."

_NOVEL = "A LibriVox volunteer reads from chapter 1 of Jane Austen's novel “Sense and Sensibility” (1811)"

READINGS = (
    Reading(
        slug="kennedy-inaugural",
        title="John F. Kennedy, inaugural address",
        description=(
            "President John F. Kennedy at his inauguration in Washington on 20 January 1961: "
            "“And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country.”"
        ),
        source="jfk.flac",
    ),
    Reading(
        slug="austen-leisure",
        title="Jane Austen, Mr. John Dashwood's leisure",
        description=(f"{_NOVEL}: “Mr. John Dashwood had then leisure to consider how much there might be prudently in his power to do for them.”"),
        source="sense_and_sensibility_01_austen_64kb-0870.wav",
    ),
    Reading(
        slug="austen-not-ill-disposed",
        title="Jane Austen, not an ill-disposed young man",
        description=f"{_NOVEL}: “He was not an ill-disposed young man.”",
        source="sense_and_sensibility_01_austen_64kb-0880.wav",
    ),
    Reading(
        slug="austen-cold-hearted",
        title="Jane Austen, rather cold hearted",
        description=f"{_NOVEL}: “Unless to be rather cold hearted and rather selfish is to be ill-disposed.”",
        source="sense_and_sensibility_01_austen_64kb-0890.wav",
    ),
    Reading(
        slug="austen-amiable-woman",
        title="Jane Austen, a more amiable woman",
        description=(f"{_NOVEL}: “Had he married a more amiable woman, he might have been made still more respectable than he was.”"),
        source="sense_and_sensibility_01_austen_64kb-0920.wav",
    ),
    Reading(
        slug="austen-amiable-himself",
        title="Jane Austen, made amiable himself",
        description=f"{_NOVEL}: “He might even have been made amiable himself.”",
        source="sense_and_sensibility_01_austen_64kb-0930.wav",
    ),
)
"""Oldest first."""
