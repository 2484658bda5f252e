"""English words: which carry no content, and what is left without their inflection."""

from __future__ import annotations

STOP_WORDS = frozenset(
    """a about above after again against ago all also although am among an and another any anyone
    anything are around as at away back be became because become been before behind being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't
    done down during each either else even ever every everyone everything few for from further
    get gets getting go goes going gonna got had hadn't has hasn't have haven't having he he'd
    he'll her here hers herself him himself his how however i i'd i'll i'm i've if in inside
    into is isn't it it'd it'll its itself just later let like lot many may maybe me might more
    most much must my myself near neither never no nobody none nor not nothing now of off oh ok
    okay on once only onto or other others our ours out over own perhaps please quite rather
    really said say says several shall she she'd she'll should shouldn't since so some someone
    something somewhere still such than that the their theirs them themselves then there these
    they they'd they'll they're they've thing things this those though through thus to too
    toward under until up upon us very was wasn't we we'd we'll we're we've well were weren't
    what whatever when where whether which while who whom whose why will with within without
    won't would wouldn't yes yet you you'd you'll you're you've your yours yourself""".split()
)
_IRREGULAR = dict(
    pair.split("/", 1)
    for pair in """bought/buy built/build came/come caught/catch chose/choose chosen/choose died/die
    drank/drink drawn/draw drew/draw driven/drive drove/drive ate/eat eaten/eat fell/fall
    fallen/fall felt/feel flew/fly flown/fly fought/fight found/find gave/give given/give
    went/go gone/go grew/grow grown/grow heard/hear held/hold kept/keep knew/know known/know
    led/lead left/leave lost/lose made/make meant/mean met/meet paid/pay ran/run rode/ride
    rose/rise sang/sing sat/sit saw/see seen/see sent/send slept/sleep sold/sell spent/spend
    spoke/speak spoken/speak stood/stand swam/swim taken/take taught/teach thought/think
    threw/throw told/tell took/take wore/wear won/win written/write wrote/write began/begin
    begun/begin brought/bring children/child feet/foot men/man women/woman people/person
    mice/mouse used/use using/use flies/fly tries/try
    cries/cry""".split()
)


def fold(word: str) -> str:
    """Lower case, without a possessive s."""
    return word.casefold().replace("\u2019", "'").removesuffix("'s")


def stem(word: str) -> str:
    """A word without case, possessive and the commonest English inflections."""
    key = fold(word)
    if key in _IRREGULAR:
        return stem(_IRREGULAR[key])
    for ending, kept in (("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ing", ""), ("ed", "")):
        if key.endswith(ending) and len(key) - len(ending) >= 3:
            return _undouble(key.removesuffix(ending) + kept).removesuffix("e")
    if key.endswith("s") and not key.endswith(("ss", "us", "is")) and len(key) > 3:
        key = key[:-1]
    return key.removesuffix("e") if len(key) > 3 else key


def _undouble(key: str) -> str:
    """Undo the doubling of a consonant before an ending: stopp(ed), runn(ing)."""
    doubled = len(key) > 3 and key[-1] == key[-2] and key[-1] not in "lsz"
    return key[:-1] if doubled else key
