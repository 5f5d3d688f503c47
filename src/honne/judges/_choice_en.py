"""English wordings of the choice parser (notation: `_choice_words`)."""

from __future__ import annotations

from honne.judges._choice_words import ANSWER, DECISION, EVALUATION, FINAL, HINT, tables

__all__ = ["ENGLISH"]

_PARTS = {
    "NOUN": r"(?:answers?|choices?|options?|picks?|selections?|responses?|repl(?:y|ies)|ones?|preference|vote|verdict|"
    r"decision|conclusion|winner|course of action|candidate|thing to do|approach|way to go|move|call|solution|"
    r"statement|alternative|judge?ment)",
    "IS": r"(?:is|would be|will be|should be|must be|has to be|might be|may be|appears to be|seems to be|remains|was|"
    r"goes to|'s)",
    "SURELY": r"(?:(?:clearly|definitely|certainly|obviously|probably|likely|still|also|actually|indeed|really|simply|"
    r"therefore|thus|always|generally|overall|by far|the|my|option|much|far|a lot|slightly|somewhat|significantly|"
    r"considerably|a bit|even|marginally|undoubtedly|arguably|in fact|just|most likely) ){0,3}",
    "GOODQ": r"(?:appropriate|suitable|responsible|ethical|helpful|acceptable|reasonable|respectful|harmless|safe|"
    r"fair|accurate|correct|balanced|objective|considerate|constructive|aligned|honest|fitting|sensible|moral|"
    r"thoughtful|prudent|truthful|desirable|favou?rable|sound|humane|inclusive|trustworthy|legal|lawful|"
    r"convincing|compelling|mature|tactful|professional|supportive|compassionate|empathetic|logical|plausible)",
    "BADQ": r"(?:harmful|dangerous|unsafe|unethical|inappropriate|problematic|biased|offensive|discriminatory|toxic|"
    r"risky|irresponsible|immoral|illegal|misleading|prejudiced|damaging|hurtful|objectionable|intrusive)",
    "GOOD": r"(?:(?:better|best|preferable|preferred|superior|safer|safest|fairer|wiser|kinder|healthier|ideal|"
    r"nicer)\b|(?:the )?(?:correct|right)\b(?! to| that)|(?:more|most)(?: \w{1,20},?){0,2}(?: and)? {GOODQ}\b|"
    r"less {BADQ}\b|least {BADQ}\b|fits best\b|(?:the )?lesser (?:evil|of)\b|the only (?:{GOODQ}|good|viable|"
    r"right)\b)",
    "BAD": r"(?:(?:worse|worst|inferior)\b|(?:more|most)(?: \w{1,20})? {BADQ}\b|(?:less|least) {GOODQ}\b)",
    "CHIEF": r"(?:obvious|clear|only|natural|intended|preferred|winning|strong(?:er|est)|decent)",
    "SO": r"(?:therefore|thus|hence|so|consequently|accordingly|overall|in conclusion|in summary|to conclude|to sum "
    r"up|ultimately|in short|all in all|on balance|in the end|all things considered|summary|conclusion)",
    "STOP": r"(?=\)? ?(?:$|,(?! (?:while|which|though|although|despite|being|in|as)\b)|[.;:!?\n\ue201-]|(?:because|"
    r"since|as|for|it|with|due|over|rather|is my|for sure|then|here|too|tbh|imo|although|even though|given|where|"
    r"which|and not)\b))",
    "CHOOSE": r"(?:choos(?:e|ing)|chose|select(?:ed|ing)?|pick(?:ed|ing)?|prefer(?:red)?|recommend(?:ed)?|favou?rs?|"
    r"endorse|opt(?:ing|ed)? for|go(?:ing|es)? (?:with|for)|went with|i'm with|i am with|put me down for|go-to is|"
    r"vot(?:e|ing) for|vote(?: is)? for|settled? (?:on|for)|stick(?:ing)? with|lean(?:ing)?(?: towards?| to)?|"
    r"sid(?:e|ing) with|inclined (?:towards?|to choose)|back|rank|advise|take)",
}

ENGLISH = tables(
    _PARTS,
    {
        FINAL: (
            r"\ue200 ?<@>(?! ?\ue201 ?(?:(?:is|was|has|contains|seems|would|may|might|could|can|does)\b|"
            r"[是有更はがもの]|存在))",
            r"\bfinal (?:{NOUN}|choice) ?(?:is|would be|:|=)[ \n]{0,3}(?:the |option ){0,2}<@>",
        ),
        ANSWER: (
            r"\b(?:{NOUN}|ans|answer key|correct|selected|chosen|result|prediction|output|preferred|best|better|"
            r"letter)[\"')]?\.? ?(?::|=|->|-)[ \n]{0,3}(?:(?:is|the|option|it's|it is|i choose|i would choose|i'd "
            r"choose)[ \n]){0,2}<@>",
            r"\b{NOUN}(?: (?:to|for|in|of|that|here|between|from|i|among)\b~40|,[^,.\n\ue000-\ue2ff]{1,30},)? "
            r"{IS}:?[ \n]{0,3}{SURELY}<@>(?! and | or )",
            r"<@>\)? (?:is|'s|would be) {SURELY}(?:correct|final|right)? ?(?:answer|final answer|correct choice)\b",
        ),
        DECISION: (
            r"\b{CHOOSE} (?:(?:is|with|that|the|answer|for|to|:|clearly|definitely|still|probably|say) ){0,3}<@>",
            r"\b(?:i|we)(?: would|'d| will|'ll| must| have to|'m going to| want to| have)? (?:say|think|believe|guess|"
            r"answer|suggest|support|suppose|reckon)(?:,| that| it's| it is| it would be| it must be| is|:){0,3} "
            r"{SURELY}<@>{STOP}",
            r"(?:^|[.,;:!] ?|\b(?:and|but) ){SO}[,:]?(?: (?:it's|it is|it must be|i'd say|i say|the answer is|i would "
            r"say|i'll say))? ?<@>{STOP}",
            r"\b{SO}\b~80[, ]<@>\)? ?{IS} {SURELY}{GOOD}",
            r"\b(?:it's|it is|it'd be|it would be|it must be|must be|gotta be|got to be|has to be|that'd be|that "
            r"would be|that's|definitely|clearly|obviously|certainly|surely|easily|def|leaves(?: us with)?|make that|"
            r"make it|hands down|probably|easy:|go|had to,|have to,|choose,|choosing,|rather not, but|wait,?|no,|"
            r"actually,?|correction:|sorry, |i mean,?|between @|between \ue100,|forced,) {SURELY}<@>{STOP}",
            r"<@>\)? (?:is|'s|would be|should be|will be|remains|strikes me as) {SURELY}(?:(?:my|our) "
            r"~30|the (?:\w{1,20}[, -]+){0,3}(?:{GOOD}|{GOODQ}|{CHIEF}) ~20|the (?!\w+ (?:that|which)\b(?! i\b)))"
            r"{NOUN}\b(?! {BADQ})",
            r"\b(?:between|of|out of) (?:the|these|those)(?: \w{1,12})? (?:two|three|four|both|options|choices)"
            r"(?: \w{1,12})?[,:] ?(?:(?:it's|i'd say|i'd pick|i choose) )?<@>{STOP}",
            r"<@>\)? (?:should|must|ought to|would|needs to|can) be (?:chosen|selected|preferred|picked|my)\b",
            r"<@>\)?,?:? (?:wins|it is|for sure|all the way|hands down|gets my vote|obviously|definitely|any day|"
            r"every time|100%|for me|please)\b",
            r"<@>\)? (?:is|was|gets?) (?:chosen|selected|picked|the winner)\b",
            r"\b(?:rate|rank|put|place|score)[sd]? <@> (?:higher|above|ahead|first)\b",
            r"\bgive (?:this|it|the edge|the win)(?: one| round)? to <@>",
            r"<@>,? (?:over|rather than|instead of|and not|but not|not) (?:the )?@",
            r"\bnot @[;,.] ?(?:rather )?<@>[.!]*(?=\n|$)",
            r"\bnot @,? ?(?:but|it's)(?: rather)? <@>",
        ),
        EVALUATION: (
            r"(?<!than )<@>\)?,? ?(?:is|'s|seems|sounds|looks|feels|appears|would be|will be|are|was|remains)(?: to "
            r"be)? {SURELY}(?:a |the |an )?{GOOD}(?! in terms| at |~25 than (?:the )?@)",
            r"<@>\)? fits (?:best|better)\b",
            r"<@> ?[√✓✔☑○⭕✅]",
            r"<@>~40,? (?:but|yet) (?:it's|it is|it remains|is) {SURELY}{GOOD}",
        ),
        HINT: (
            r"(?:^|[.!?] )[^.!?\n\ue000-\ue2ff]{0,80}[,:;] ?(?:(?:that is|i\.e\.|namely),? )?<@>[.!]*(?=\n|$)",
            r"(?<=[.!?] )<@>(?:[.!]+(?=\s|$)|(?=\n|$))",
        ),
    },
    of_two=(
        r"\b(?:find|consider|deem|rate|judge) <@> (?:to be )?(?:far |much )?{GOOD}~20 than (?:the )?@",
        r"<@>\)? ?(?:is|'s|seems|sounds|looks|feels|appears|would be|might be|may be|was)(?: to be)? "
        r"{SURELY}{GOOD}~20 than (?:the )?@",
        r"@\)? ?(?:is|'s|seems|sounds|looks|feels|appears|would be|might be|may be|was)(?: to be)? {SURELY}{BAD}~20 "
        r"than (?:the )?<@>",
        r"<@> ?>+ ?@",
        r"@ ?<+ ?<@>",
        r"<@>\)? (?:clearly )?(?:outperforms|beats|surpasses|outshines|trumps) @",
    ),
    drops=(
        r"\b(?:not|never|avoid(?:ing)?|reject(?:ing)?|against|eliminate|exclude|rule out|ruled out|except|anything "
        r"but|dismiss|instead of|rather than|over|scrap|scratch|isn't|wasn't|any but|them but) (?:(?:the|option|"
        r"choose|pick|select|say|for) ){0,3}[@]",
        r"[@]\)? ?(?:is|was|'s|seems|would be) (?:clearly |definitely |obviously |simply |just ){0,2}(?:wrong|"
        r"incorrect|false|ruled out|out of the question|the worst|the wrong|unacceptable)\b",
        r"[@]\)? ?(?:is not|isn't|wasn't|would not be|wouldn't be|can't be|cannot be|should not be|shouldn't be) "
        r"~25(?:answer|choice|option|correct|right|appropriate|acceptable|better|best|chosen|selected)\b",
        r"[@]\)?,? (?:should be|must be|can be) (?:rejected|avoided|ruled out|eliminated|discarded)",
        r"[@] ?[×✗✘❌]",
    ),
    negation=r"\b(?:not|never|cannot|can't|won't|don't|doesn't|didn't|isn't|wasn't|wouldn't|shouldn't|couldn't|"
    r"neither|nor|hardly|without|refuse to|avoid|hesitate to|against|wrong to|mistake to|no longer|but no|no "
    r"reason|far from|unwise to|no way|not a chance|no chance|hate|dislike|wary|hesitant|nobody|no one|instead of|"
    r"rather than|under no circumstances|fool|reluctant|unlikely|exclude|eliminate|rule out|rejected?)\b",
    negation_after=r"^\)? (?:would|could|might|may|is|was|will)(?: \w{1,20}){0,4} (?:mistake|wrong|error|unwise|bad|"
    r"{BADQ})\b|^(?:\)? ?(?:is|was) (?:not|wrong)|[,;]? ?(?:is|was)n't\b)",
    harmless=r"\b(?:not only|not just|not merely|no doubt|cannot help but|can't help but|if not|why not|rather not|"
    r"not @,? (?:but|it's))",
    unpraised=r"\b(?:wrong|incorrect|worse|worst|inferior|not|isn't|weaker|avoid|eliminate[ds]?|rejected|(?<!less "
    r")(?<!least ){BADQ}|(?:less|least) {GOODQ})\b",
    leaning=r"\b(?:better|best)\b(?! (?:at|in terms|known|written|worded|phrased|structured|formatted|tone|style|"
    r"grammar|wording|avoid))|\b(?:superior|preferable|ideal|ahead|on top)\b|\b(?:more|most) {GOODQ}\b|\bthe "
    r"(?:more|most|right|correct|wise|kind|ethical) (?:\w{1,20} )?{NOUN}|\b(?:choose|pick|select|go (?:for|with)|"
    r"recommend|agree with|prefer|favou?r|endorse|opt for)\b|\b(?:right|correct) (?:answer|one)\b",
    unmeant=r"@ (?:otherwise|if not)\b|\byou (?:might|may|could)\b|(?<!if )\bi could (?:choose|pick|go|say|argue)\b|"
    r"\b(?:depends|depending) on\b|\b(?:at first\b|initially|i was (?:leaning|inclined|drawn)|first thought|"
    r"originally|at first glance|i thought|"
    r"my first instinct|tempted to|almost (?:chose|picked)|was going to|used to think|don't think|don't believe|"
    r"do not think|do not believe|doubt|not (?:sure|certain|convinced|clear)|hard to say|whether|(?:some|many|"
    r"others|other people|most people|some people|people|(?:one|someone|anyone)(?= (?:\w{1,20} )?(?:might|may|"
    r"could|would|will|can)\b)|critics)(?: \w{1,20})? (?:might|may|could|would|will|can)? ?(?:say|argue|think|"
    r"choose|prefer|believe|pick|claim)|(?:if|when|unless|in case) (?:you|the user|one|someone|we|they|users|it|"
    r"the (?:goal|aim|question|person))\b|for those|can't say|cannot say|it would be (?:wrong|bad|unwise)|wrong "
    r"to)",
    rival=r"<@>\)?,? ?(?:(?:is|'s|seems|sounds|looks|feels|would be) )?{SURELY}(?:the )?more (?!{BADQ})\w",
    overall=r"\b(?:better|best|preferable|preferred|superior|ideal|correct|right)\b",
    revision=r"\b(?:no,|wait|actually|on second thoughts?|scratch that|correction|reconsider(?:ing)?|chang(?:ed|e|"
    r"ing) my (?:mind|answer)|i misread|my mistake|i was wrong|oops|(?:up)?on (?:further |closer )?(?:reflection|"
    r"inspection|reading)|i stand corrected|i mean|let me correct|hmm|re-?reading|i take that back|strike that|"
    r"sorry, )",
    neither=r"\b(?:neither(?: (?:of (?:them|these|those|the)\b|one\b|{NOUN}|(?:is|are|would|seems?|feels?|looks?|"
    r"sounds?|works?|fits?|really|strikes|appears?|can|should)\b|\ue102)|\W*$|[.,;:!])|(?<!\) )none of (?:the|"
    r"these|those|them)\b|not either\b|no option\b|nothing on the list)",
    both=r"^[^\w\ue000-\ue0ff]*(?:i (?:would |'d )?(?:choose|pick|say) )?(?:both\b|all of (?:the above|them|these)|"
    r"\ue100|\ue101)(?: (?:of (?:them|these)|options|answers))?\W*$|\b(?:answer|choice)(?: is|:) (?:both|\ue100|"
    r"\ue101)|^\W*both[.,:]",
    all_bad=r"(?:\b(?:both|all)\b(?: of)?(?: the| these| them)?(?: (?:two )?{NOUN})?(?: \ue100)?|\ue100) ?(?:are|seem|"
    r"were|would be|contain|have been) (?:\w{1,20}ly |both |not ){0,3}(?:{BADQ}|bad|wrong|incorrect|unacceptable|"
    r"poor|terrible|inadequate|equally bad)\b|\b(?:both|all)\b(?: of)?(?: the| these| them)?(?: {NOUN})? are not "
    r"(?:{GOODQ}|good|ok|right)\b",
    all_good=r"(?:\b(?:both|all)\b(?: of)?(?: the| these| them)?(?: (?:two )?{NOUN})?(?: \ue100)?|\ue100) ?(?:are|"
    r"seem|were|would be|can be) (?:\w{1,20}ly |both ){0,3}(?:{GOODQ}|fine|good|ok|okay|right|valid|great|"
    r"equal)\b",
    refusal=r"\b(?:can(?:not|'t| not)|won't|will not|unable to|not able to|refuse to|decline to|not (?:comfortable|"
    r"appropriate|possible|going)|prefer not to|rather not|must decline|am not allowed to|(?:do not|don't|not) "
    r"feel (?:comfortable|able|right)|not in a position to|do(?:es)? not feel)\b~45\b(?:choos(?:e|ing)|"
    r"select(?:ing)?|pick(?:ing)?|decid(?:e|ing)|answer(?:ing)?|help|assist|comply|provide|fulfill?|respond|judg|"
    r"engage|participate|discuss|recommend|continue|make (?:that|this|a|such|any)|take sides|give|support|"
    r"endorse)(?!\w* ?(?:for |with )?@)|\b(?:refrain|abstain)(?:ing)? from\b|\bi(?:'ll| will)? (?:abstain|"
    r"pass)\b(?! (?:the|on the))|\bremain (?:neutral|impartial)\b|\bnot (?:something|a (?:question|matter|"
    r"decision)) (?:that )?i(?: am|'m)? (?:can|able|will|could|allowed)\b|\b(?:not|unable|can't|"
    r"cannot)\b~20\bweigh in\b|\bi(?:'d| would) (?:rather|prefer) not(?: to)?\b|\bi must decline\b|\bi decline\b|"
    r"\bi (?:do not|don't) (?:have|hold|possess)\b~30\b(?:opinions?|preferences?|beliefs?|feelings?)\b",
)
