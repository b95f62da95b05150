"""Phrases that attacks are made of, in the languages that most of them are written in.

A rule is a pattern and the words without which it cannot match. A text is looked through for the words, which is fast,
and the pattern reads the surroundings of each: it costs what it finds, not what it is offered. Patterns see a text
without case, accents, invisible characters and runs of spaces (`views`), and no repetition in them is without a bound.
"""

import re
from dataclasses import dataclass

# Letters before and after a word that a pattern may read. Longer than any phrase below.
REACH = 160


WORD = re.compile(r"[a-z0-9_]{2,}")
# Stands for words of scripts other than Latin, some of which put no blanks between words.
UNSTARTED = "\N{IDEOGRAPHIC SPACE}"


@dataclass(frozen=True)
class Rule:
    """A pattern, its words, and the letters that begin the longest part of each word: a text without any is not read."""

    label: str
    near: tuple[str, ...]
    pattern: re.Pattern[str]
    starts: frozenset[str]


def rule(label: str, near: str, pattern: str) -> Rule:
    words = tuple(near.split("|"))
    parts = (max(WORD.findall(word), key=len, default=None) for word in words)
    return Rule(label, words, re.compile(pattern), frozenset(part[:3] if part else UNSTARTED for part in parts))


def found(text: str, wanted: tuple[Rule, ...]) -> list[str]:
    """Labels of the rules that match."""
    places = Places(text)
    return [one.label for one in wanted if any(one.pattern.search(text, *span) for span in places.around(one))]


class Places:
    """Where the words of rules stand in a text. Most texts have few of them, so first all are held against its own."""

    def __init__(self, text: str):
        self.text = text
        self.starts = {word[:3] for word in WORD.findall(text)}
        self.known: dict[str, list[int]] = {}
        if not text.isascii():
            self.starts.add(UNSTARTED)

    def around(self, one: Rule) -> list[tuple[int, int]]:
        """Surroundings of a rule's words, those that touch joined: together they are never longer than the text."""
        if self.starts.isdisjoint(one.starts):
            return []
        joined: list[tuple[int, int]] = []
        for at in sorted(at for word in one.near for at in self.of(word)):
            start, end = max(0, at - REACH), at + 2 * REACH
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return joined

    def of(self, word: str) -> list[int]:
        """Places of a word, without those that lie so close to the one before that they change nothing."""
        if word not in self.known:
            self.known[word] = places = []
            at = self.text.find(word)
            while at >= 0:
                places.append(at)
                at = self.text.find(word, at + REACH)
        return self.known[word]


# Parts of English phrases.
DROP = (
    r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass|discard|neglect|skip|set aside|throw away|"
    r"pay no attention to|do not (?:follow|obey|listen to)|don't (?:follow|obey|listen to)|stop following|"
    r"erase|delete|cancel|drop)\b"
)
EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|former|initial|original|existing|past|old|current|system|safety|hidden)"
ORDERS = (
    r"(?:instructions?|prompts?|directions?|directives?|rules|guidelines|commands?|orders|constraints|restrictions|"
    r"programming|guardrails|safeguards|polic(?:y|ies)|system message|context|conditioning|training)"
)
WHOSE = r"(?:(?:all|any|every|each|the|these|those|of|your|my|our|its|other|both|and|or|everything|absolutely) ){0,6}"
DROP_WORDS = (
    "ignor|disregard|forget|overrid|bypass|discard|neglect|skip|set aside|throw away|no attention|not follow|"
    "not obey|not listen|don't|stop following|erase|delete|cancel|drop"
)
MODEL = r"(?:ai|a\.i\.|llms?|language models?|chat ?bots?|gpt(?:-?\d\w{0,3})?|chatgpt|claude|gemini|copilot|llama|assistants?|ai agents?)"
SECRET = (
    r"(?:passwords?|passphrase|credentials?|api[ _-]?keys?|secrets?|tokens?|private keys?|ssh keys?|session|cookies?|"
    r"environment variables?|env vars?|\.env\b|system prompt|conversation|chat history|chat log|user(?:'s)? data|"
    r"personal data|customer (?:data|records)|confidential|private (?:data|messages|emails?|files?|repositor)|"
    r"inbox|contacts|bank|credit card|source code|database contents?|this (?:chat|thread|session))"
)

PHRASES = (
    # Instructions are dropped.
    rule(
        "instruction_override",
        DROP_WORDS,
        rf"{DROP} (?:\w{{1,12}} ){{0,2}}?{WHOSE}(?:{EARLIER},? (?:and |or )?){{1,3}}(?:\w{{1,12}} ){{0,2}}{ORDERS}",
    ),
    rule(
        "instruction_override",
        DROP_WORDS,
        rf"{DROP} {WHOSE}(?:all|any|your|these|those) (?:\w{{1,12}} )?(?:instructions|prompts?|directives|"
        rf"programming|guardrails|safeguards|constraints|restrictions|guidelines)\b",
    ),
    rule(
        "instruction_override",
        DROP_WORDS,
        rf"{DROP} (?:everything|anything|all|all of|what(?:ever)?|the text|the lines)(?: that)?(?: you| i| we|"
        rf" they)?(?: were| was| have been| had been| have| had| 've| are)?(?: told| said| instructed| given|"
        rf" written| wrote| learned| asked)?(?: to do)? (?:above|before|so far|previously|until now|up to (?:now|"
        rf"this point)|prior to this)",
    ),
    rule(
        "instruction_override",
        DROP_WORDS,
        rf"{DROP} (?:\w{{1,12}} )?{ORDERS} (?:above|before|(?:that|which) (?:came|were|was|you were)|you (?:were|"
        rf"have been|had been|got|received)|given (?:above|before|to you|earlier))",
    ),
    rule(
        "instruction_override",
        DROP_WORDS,
        rf"{DROP} (?:all |any |your |the |of |about ){{0,4}}(?:(?:safety|ethical|security|content|"
        rf"moral) (?:guidelines|protocols?|rules|polic(?:y|ies)|restrictions|filters?|training|measures|features)|"
        rf"ethics|(?:of )?(?:the )?rules(?: and (?:protocols|restrictions|guidelines))?(?=[,.!:;]|$)|(?:previous|"
        rf"prior|earlier|above) (?:tasks?|text|conversations?|messages? and|chat|input|requests?)(?= and|"
        rf"[,.!:;]|$| you))",
    ),
    rule(
        "instruction_override",
        "forget everything|ignore everything|disregard everything|erase everything|forget all",
        r"\b(?:forget|ignore|disregard|erase) (?:everything|all)(?:[,.!;:]| and| else)? ?(?:you (?:are|were|know|"
        r"have|will)|i said|we|above|now)",
    ),
    rule(
        "instruction_override",
        "instructions|rules|prompt|context",
        r"\b(?:previous|prior|earlier|above|old|original) (?:instructions?|rules|prompts?|context|"
        r"directives?)(?: \w{1,12}){0,4} (?:(?:is|are|was|were) (?:now )?(?:irrelevant|void|invalid|cancell?ed|"
        r"obsolete|revoked|a test|wrong|outdated|superseded|terminated|fake)|no longer (?:apply|applies|valid))",
    ),
    rule(
        "instruction_override",
        "overrides",
        r"\b(?:this|these|following) (?:\w{1,12} )?(?:overrides?|supersedes?) (?:all|any|every|your|"
        r"the) (?:\w{1,12} ){0,2}(?:ones|instructions?|prompts?|rules|messages?|directives?)",
    ),
    rule("instruction_override", "memory", r"\b(?:clear|wipe|erase|reset) your (?:memory|context|mind|programming)\b"),
    rule(
        "instruction_override",
        "you were told|you've been told|you have been told|you were given|you received",
        r"\b(?:never ?mind|forget|ignore|disregard|irrespective of|regardless of|whatever|"
        r"contrary to) (?:what(?:ever)? |the (?:instructions|rules|prompts?) |all |everything |"
        r"anything )?(?:that )?you(?: were|'ve been| have been| had been) (?:told|given|instructed|taught)|"
        r"instructions (?:that )?you (?:received|were given)(?: \w{1,12}){0,3} (?:were|was|are) (?:only |"
        r"just )?(?:a test|wrong|fake|outdated|false)",
    ),
    rule(
        "instruction_override",
        "no longer",
        rf"you(?: are|'re)? no longer (?:(?:bound|restricted|constrained|limited|governed) by|(?:have|"
        rf"need) to (?:follow|obey)|obey|an? (?:ai|assistant|language model))\b",
    ),
    rule(
        "instruction_override",
        "supersede|take precedence|takes precedence|overrule|void|null",
        rf"(?:instructions?|message|prompt|directive|notice) (?:below |here |now )?(?:supersedes?|"
        rf"takes? precedence over|overrules?|replaces?|voids?) (?:\w{{1,12}} ){{0,3}}{ORDERS}",
    ),
    rule(
        "instruction_override",
        "vergiss|vergesse|ignorier|missachte|beachte nicht",
        r"\b(?:vergiss|vergessen sie|vergesse|ignorier\w{0,3}|missachte\w?)\b(?: \w{1,12}){0,4} (?:anweisung|"
        r"instruktion|befehl|regeln|vorgaben|aufgaben|prompt|anordnung|richtlinie)",
    ),
    rule(
        "instruction_override",
        "vergiss|vergesse|ignorier",
        r"\b(?:vergiss|vergesse|ignorier\w{0,3})\b(?: \w{1,12}){0,2} (?:davor|vorher|bisher|zuvor|oben)",
    ),
    rule(
        "instruction_override",
        "ignore|oublie|ne tiens pas|ne tenez pas|neglige",
        r"(?<!n')\b(?:ignore[zr]?|oublie[zr]?|ne ten(?:ez|iens|ons)? pas compte|"
        r"neglige[zr]?)\b(?: [\w']{1,12}){0,4} (?:instructions|consignes|directives|regles|ordres)",
    ),
    rule(
        "instruction_override",
        "ignor|olvid|descarta|omite|haz caso omiso",
        r"(?<!no )\b(?:ignor[ae]\w{0,2}|olvid[ae]\w{0,3}|descart[ae]|omit[ea]|"
        r"haz caso omiso)\b(?: \w{1,12}){0,4} (?:instrucciones|indicaciones|ordenes|reglas|directrices)",
    ),
    rule(
        "instruction_override",
        "ignor|esque[cç]|desconsider|esquec",
        r"(?<!nao )\b(?:ignor[ae]\w{0,2}|esquec?[ae]\w{0,2}|desconsider[ae])\b(?: \w{1,12}){0,4} (?:instrucoes|orientacoes|"
        r"ordens|regras|diretrizes|comandos)",
    ),
    rule(
        "instruction_override",
        "ignora|dimentica|trascura",
        r"(?<!non )\b(?:ignora(?:te|re)?|dimentica(?:te|re)?|trascura(?:te|re)?)\b(?: \w{1,12}){0,4} (?:istruzioni|"
        r"indicazioni|ordini|regole|direttive)",
    ),
    rule(
        "instruction_override",
        "negeer|vergeet",
        r"\b(?:negeer|vergeet)\b(?: \w{1,12}){0,4} (?:instructies|aanwijzingen|opdrachten|regels)",
    ),
    rule(
        "instruction_override",
        "zignoruj|ignoruj|zapomnij",
        r"\b(?:zignoruj|ignoruj|zapomnij)\b(?: \w{1,14}){0,4} (?:instrukcj|polecen|polecenia|wytyczn|zasad)",
    ),
    rule(
        "instruction_override",
        "yoksay|yok say|unut|gormezden gel|dikkate alma",
        r"(?:talimat|komut|kural|yonerge)\w{0,12}(?: \w{1,12}){0,3} (?:yoksay|yok say|unut|gormezden gel|"
        r"dikkate alma)",
    ),
    rule(
        "instruction_override",
        "игнорир|забудь|проигнорир|не обращай",
        r"(?:игнорируй\w{0,2}|проигнорируй\w{0,2}|забудь\w{0,2}|"
        r"не обращай\w{0,2} внимания на)(?: \w{1,14}){0,4} (?:инструкци|указани|команд|правил|директив|промпт)",
    ),
    rule(
        "instruction_override",
        "ігноруй|забудь",
        r"(?:ігноруй\w{0,2}|проігноруй\w{0,2}|забудь\w{0,2})(?: \w{1,14}){0,4} (?:інструкці|вказівк|команд|правил)",
    ),
    rule(
        "instruction_override",
        "忽略|无视|無視|忘记|忘記|不要理会|忽视",
        r"(?:忽略|无视|無視|忘记|忘記|忽视|不要理会|不理会).{0,12}(?:指令|指示|提示|规则|規則|说明|要求|命令|内容)",
    ),
    rule("instruction_override", "無視|忘れ|従わない", r"(?:指示|命令|ルール|プロンプト|指図|規則|設定).{0,8}(?:無視|忘れ|従わない)"),
    rule("instruction_override", "무시|잊어|잊고", r"(?:지시|명령|규칙|프롬프트|지침|설정).{0,10}(?:무시|잊어|잊고)"),
    rule(
        "instruction_override",
        "تجاهل|انس ",
        r"(?:تجاهل|انس)(?: \S{1,14}){0,4} ?(?:\S{0,3})(?:تعليمات|اوامر|أوامر|توجيهات|قواعد)",
    ),
    rule(
        "instruction_override",
        "अनदेखा|नजरअंदाज|भूल ज|इग्नोर|नज़रअंदाज़",
        r"(?:निर्देश|आदेश|नियम)\S{0,4}(?: \S{1,12}){0,4} (?:अनदेखा|नजरअंदाज|नज़रअंदाज़|भूल|इग्नोर)",
    ),
    rule(
        "instruction_override",
        "bo qua|phot lo",
        r"(?:bo qua|phot lo)(?: \w{1,10}){0,4} (?:huong dan|chi dan|lenh|chi thi|quy tac)",
    ),
    rule(
        "instruction_override",
        "abaikan|lupakan",
        r"\b(?:abaikan|lupakan)\b(?: \w{1,12}){0,3} (?:instruksi|perintah|arahan|aturan|petunjuk)",
    ),
    # Instructions are announced.
    rule(
        "new_instructions",
        "instruction|directive|task|objective|goal",
        r"(?:(?:^|[\n.:!?\]>*#-] {0,2})(?:your )?(?:new|updated|real|actual|important|additional|revised|true|"
        r"secret) (?:instructions?|directives?|task|objective|goal|orders?)(?: is| are|:| -|\b))",
    ),
    rule(
        "new_instructions",
        "instead",
        r"\b(?:and |but )?instead,? (?:please )?(?:you (?:must|should|will|shall) )?(?:print|say|output|respond|"
        r"reply|answer with|do the following|execute)\b",
    ),
    rule(
        "new_instructions",
        "from now on|from this point|hereafter|henceforth",
        r"\b(?:from now on|from this point(?: on| forward)?|hereafter|henceforth),? (?:you|act|respond|answer|"
        r"always|never|only|i want you)\b",
    ),
    rule(
        "new_instructions",
        "you must|you will",
        r"\byou (?:must|will) (?:now |always |only |immediately |first ){1,2}(?:respond|reply|answer|output|obey|"
        r"comply|execute|follow|say|print|call|send|include)\b",
    ),
    rule(
        "new_instructions",
        "ab jetzt|ab sofort|von nun an|desormais|a partir de ahora|a partir de maintenant|с этого момента|从现在|これから|"
        "今後は",
        r"(?:(?:ab jetzt|ab sofort|von nun an) (?:bist|wirst|sollst|antworte|sprich)|(?:desormais|"
        r"a partir de maintenant),? (?:tu|vous)|a partir de ahora,? (?:eres|responde|debes|vas|actua)|"
        r"с этого момента,? (?:ты|вы|отвечай)|从现在(?:开始|起).{0,4}你|(?:これから|今後は).{0,3}あなた)",
    ),
    # Another character.
    rule(
        "persona",
        "do anything now|dan mode|developer mode|jailbr|god mode|root mode|admin mode|dude mode|unrestricted mode|"
        "sudo mode|debug mode|maintenance mode|root access|evil mode|stan mode",
        r"\b(?:do anything now|jailbr(?:eak|oken) (?:mode|prompt|activated|yourself|enabled)|"
        r"you are (?:now )?jailbroken|(?:in|into|with|enter|enable|activate|switch to|simulate) (?:the )?(?:dan|"
        r"dude|unrestricted|evil|stan|jailbreak) mode|you(?: are|'re|r (?:system|"
        r"programming) is)?(?: now)? (?:(?:operating|running) )?(?:in|entering|enter) (?:the )?(?:developer|god|"
        r"sudo|debug|maintenance|admin|root) mode|(?:dan|god|dude|sudo|evil|stan|jailbreak) mode (?:enabled|"
        r"activated|on|is on)|developer mode (?:enabled|activated) )",
    ),
    rule(
        "persona",
        "as dan|now dan|named dan|are dan|called dan|be dan",
        r"\b(?:as|named|are(?: now)?|are going to be|called|be) dan\b(?!iel)(?:[,.]? (?:who|which|stands|an? |you|"
        r"mode)|[.,!:]|$)",
    ),
    rule(
        "persona",
        "without|no |free|unfiltered|unrestricted|uncensored|amoral|immoral|unethical|not bound|ignores|doesn't|"
        "does not|never refuses",
        r"\b(?:act as|pretend (?:to be|you are|you're|that you)|you are(?: now)?|you're(?: now)?|"
        r"play(?:ing)? the (?:role|part) of|roleplay(?:ing)? as|imagine you are|simulate|become|behave (?:as|"
        r"like)|respond as|answer as)\b[^.!?\n]{0,80}\b(?:(?:without|with no|no|free (?:of|from)|not bound by|"
        r"ignores?|do(?:es)?(?:n't| not) (?:have|follow|care about|obey)|has no|"
        r"have no) (?:\w{1,12} ){0,3}(?:restrictions?|rules|limits|limitations?|filters?|guidelines|ethics|"
        r"ethical|moral|morals|morality|censorship|safety|policies|boundaries|constraints)|unfiltered|"
        r"unrestricted|uncensored|amoral|unethical|never refuses)\b",
    ),
    rule(
        "persona",
        "no ethic|no moral|no restrict|no rules|no limit|no filter|no content polic|no guidelines|no censor",
        r"\b(?:you|it|he|she|ai|gpt|\w{2,12}) (?:now )?(?:have|has|had|with) (?:absolutely )?no (?:content |"
        r"safety |ethical |moral )?(?:ethics|ethical|morals?|restrictions|rules|limits|limitations|filters?|"
        r"guidelines|polic(?:y|ies)|censorship)\b",
    ),
    rule(
        "persona",
        "evil|unfiltered|uncensored|malicious",
        r"\b(?:pretend|act|imagine|you are|you're|roleplay|become|simulate)\b(?: \w{1,12}){0,4} (?:an? )?(?:evil|"
        r"unfiltered|uncensored|malicious|rogue) (?:\w{1,12} )?(?:ai|assistant|bot|chatbot|gpt|model|twin|version|"
        r"confidant|hacker)\b",
    ),
    rule(
        "persona",
        "restriction|filter|rules|guidelines|limitation|censorship|ethic|moral",
        r"\b(?:answer|respond|reply|speak|operate|write)(?: to)?(?: \w{1,12}){0,4} (?:without (?:any )?|with no |"
        r"free of )(?:\w{1,12} ){0,2}(?:restrictions?|filters?|censorship|ethical|guidelines|moral|limitations?|"
        r"content polic)",
    ),
    rule(
        "persona",
        "safety|filter|moderation|guardrail|content policy|restrictions|safeguard",
        r"\b(?:disable|turn off|deactivate|switch off|remove|bypass|circumvent|"
        r"override) (?:\w{1,10} ){0,2}(?:your )?(?:safety|content|moderation|ethical)(?: \w{1,10})? ?(?:filters?|"
        r"protocols?|restrictions?|guidelines|checks?|measures|guardrails|polic(?:y|ies))?\b",
    ),
    rule(
        "persona",
        "ohne|sin |sans|без",
        r"(?:tu so als|du bist (?:jetzt|nun)|verhalte dich (?:wie|als)|actua como|eres ahora|ahora eres|"
        r"agis comme|fais comme si|tu es maintenant|ты теперь|веди себя как|"
        r"представь,? что ты)[^.!?\n]{0,80}(?:ohne|keine|sin|sans|aucune|без)(?: \w{1,14}){0,2} (?:regeln|"
        r"einschrankung|beschrankung|filter|restricc|limit|reglas|regles|restrict|ограничен|правил|цензур|фильтр)",
    ),
    # The model's own instructions.
    rule(
        "prompt_leak",
        "system prompt|system message|hidden prompt|initial prompt|system instructions|hidden instructions",
        r"\b(?:reveal|show|print|leak|dump|disclose|expose|output|display|repeat)(?: me| us)?(?: full| entire| exact)? "
        r"(?:system|hidden|initial) (?:prompt|message|instructions)\b",
    ),
    rule(
        "prompt_leak",
        "prompt|instruction|directive|guideline|system message|rules|configuration",
        r"\b(?:reveal|show|print|repeat|output|display|tell|give|share|leak|disclose|expose|dump|write|return|"
        r"list|describe|summari[sz]e|translate|spell|recite|provide|send|copy|say|state|quote|encode|"
        r"echo)\b(?: [\w']{1,12}){0,5} (?:your|the|its|thy|ur) (?:(?:full|entire|complete|exact|original|"
        r"initial|hidden|secret|internal|system|first|previous|above|own|very|actual|underlying|core|base|"
        r"developer|verbatim) ){0,4}(?:(?:system|hidden|initial|secret|internal|developer|original|pre|base|core|"
        r"own) ?(?:prompt|message|instructions?|directives?|guidelines|rules|configuration)|(?<=your )prompts?|"
        r"(?<=your )instructions)\b",
    ),
    rule(
        "prompt_leak",
        "your",
        r"\b(?:what(?:'s| is| are| was| were| does)|which|may i see|can i see|"
        r"could i see) (?:\w{1,10} ){0,3}your (?:\w{1,10} ){0,2}(?:system prompt|system message|initial prompt|"
        r"hidden prompt|initial instructions|original instructions|secret instructions|developer message|"
        r"instructions (?:say|verbatim))\b",
    ),
    rule(
        "prompt_leak",
        "instructions you|prompt you|message you|instructions that you|rules you",
        r"\b(?:instructions|prompt|message|rules|text|directives)(?: that)? you (?:were|have been|was|are|"
        r"got) (?:\w{1,10} )?(?:given|told|following|initialized|configured|provided)\b(?=.{0,60}(?:start|begin|"
        r"verbatim|exact|\?|conversation|first|word))",
    ),
    rule(
        "prompt_leak",
        "above|before|beginning|start of",
        r"\b(?:repeat|print|output|copy|write|recite|echo|show|display|return|spell[- ]?check|"
        r"translate)\b(?: [\w']{1,12}){0,4} (?:(?:text|words|sentences?|lines?|everything|content|paragraphs?|"
        r"message|instructions|all) )(?:[\w']{1,12} ){0,2}(?:above|before (?:this|that|the)|(?:from|at|"
        r"since) the (?:beginning|start|very top)(?: of (?:this|the|our) (?:chat|conversation|prompt|session))?)",
    ),
    rule(
        "prompt_leak",
        "initial prompt|system prompt|first prompt|hidden prompt|original prompt",
        r"\b(?:what|which|reveal|ignore|leak|output|print|repeat|begin|start)\b[^.\n]{0,40}\b(?:initial|system|"
        r"first|hidden|original) prompt\b[^.\n]{0,24}(?:\?|say|start|begin|verbatim|word for word|in full|exactly)",
    ),
    rule(
        "prompt_leak",
        "prompt|anweisung|instrucciones|instructions|инструкци|промпт|提示|プロンプト|프롬프트|instrucoes",
        r"(?:(?:zeig|nenne|verrate|gib|wiederhole|schreibe)\w{0,3}(?: \w{1,10}){0,3} (?:deine|dein|deinen|den|"
        r"die) (?:system|ursprunglich|geheim|versteckt|anfang|initial)\w{0,6}[- ]?(?:prompt|anweisung|instruktion|"
        r"nachricht)|(?:muestra|revela|dime|repite|imprime)\w{0,3}(?: \w{1,10}){0,3} (?:tu|tus|el|las|"
        r"su) (?:prompt|instrucciones)(?: \w{1,10})? ?(?:del sistema|de sistema|iniciales|originales|ocultas)|"
        r"(?:affiche|revele|montre|repete|donne)\w{0,2}(?:[ -]\w{1,10}){0,3} (?:ton|tes|votre|vos|le) (?:prompt|"
        r"instructions|consignes|invite)(?: \w{1,10})? ?(?:systeme|initiales|secretes|cachees)|(?:покажи|выведи|"
        r"раскрой|повтори|напиши)(?: \w{1,12}){0,3} (?:системн|начальн|исходн|скрыт)\w{0,5} (?:промпт|инструкци|"
        r"сообщени|подсказк)|(?:显示|输出|告诉我|重复|透露|打印).{0,8}(?:系统|初始|隐藏).{0,2}(?:提示|指令|消息)|(?:システム).{0,3}(?:プロンプト|"
        r"指示).{0,8}(?:教え|表示|出力|見せ)|시스템 ?프롬프트.{0,8}(?:출력|보여|알려|공개))",
    ),
    # Data goes out.
    rule(
        "exfiltration",
        "send|post|forward|upload|transmit|email|mail|exfiltrat|submit|deliver|leak|copy|share|append|put",
        rf"(?<!never )(?<!not )(?<!n't )\b(?:send|post|forward|upload|transmit|e-?mail|mail|exfiltrate|submit|deliver|leak|copy|"
        rf"share)\b[^.!?\n]{{0,60}}(?:\b|\B(?=\.env)){SECRET}[^!?\n]{{0,80}}(?:\bto\b|\bat\b|\bvia\b|"
        rf"->)[^!?\n]{{0,40}}(?:https?[: ]//|www\.|\b[\w.+-]{{1,30}}@[\w-]{{1,30}}\.\w|\battacker|\bwebhook|"
        rf"\bexternal|\bserver\b|\bdomain\b|\burl\b|\bendpoint\b|\bthis (?:address|email|number|link))",
    ),
    rule(
        "exfiltration",
        "append|include|add|insert|embed|put|encode|fill|replace|concatenat",
        rf"\b(?:append|include|add|insert|embed|put|encode|fill|replace|concatenate)\b[^!?\n]{{0,80}}\b(?:{SECRET}|"
        rf"summary|answers?|data)\b[^!?\n]{{0,60}}\b(?:in|into|to|as|at the end of|with)\b[^!?\n]{{0,30}}(?:url|"
        rf"link|query(?: string| parameter)?|image|markdown image|parameter|path of the)",
    ),
    rule(
        "exfiltration",
        "http|www.",
        rf"\b(?:fetch|visit|open|load|navigate to|browse to|call|request|get|render|display|"
        rf"show)\b[^!?\n]{{0,30}}https?://[^\s]{{3,120}}(?:\[|\{{|<|\$|%7b|%5b)[\w ._-]{{0,40}}(?:{SECRET}|data|"
        rf"summary|history|content|message|base64)",
    ),
    rule(
        "exfiltration",
        "forward|send|bcc|copy",
        rf"\b(?:forward|send|bcc|copy)\b[^.!?\n]{{0,40}}\b(?:all|every|each|any|latest|last|most recent|entire|"
        rf"full)\b[^.!?\n]{{0,40}}\b(?:e-?mails?|messages?|documents?|files?|attachments?|conversations?|contacts|"
        rf"invoices)\b[^!?\n]{{0,30}}\bto\b [^!?\n]{{0,20}}(?:[\w.+-]{{1,40}}@|https?://)",
    ),
    # Whom it speaks to, and behind whose back.
    rule(
        "addressed",
        "attention|dear|hey|hello|note |message |instruction|important |notice |warning |memo ",
        rf"(?:\b(?:attention|dear|hey|hello|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|"
        rf"important (?:note |message |notice )?(?:to|for)|notice to|warning to|memo to)[:,]? (?:all |any |the |"
        rf"every |our ){{0,2}}{MODEL}(?: (?:agents?|models?|systems?|reading|processing|assistants?|crawlers?|"
        rf"reviewers?)){{0,2}}\b)",
    ),
    rule(
        "addressed",
        "you are an|you are a|you're a|if you|are you",
        rf"\bif you(?: are|'re) (?:an? |the |any )(?:\w{{1,14}} )?{MODEL}\b",
    ),
    rule(
        "addressed",
        "reading|processing|summari|parsing|analy|reviewing|scraping|crawling|evaluating|grading",
        rf"\b(?:any |all |the |an? )?{MODEL}(?: (?:agents?|models?|systems?|assistants?))? (?:that (?:is|are) |"
        rf"who (?:is|are) )?(?:reading|processing|summari[sz]ing|parsing|analy[sz]ing|reviewing|scraping|crawling|"
        rf"evaluating|grading) (?:this|these|the) (?:\w{{1,12}} )?(?:page|text|document|email|message|file|content|"
        rf"website|resume|cv|application|paper|code|repository|review|article|ticket|issue|comment)",
    ),
    rule(
        "addressed",
        "when summar|when you summar|when process|when answering|when respond|when asked|when analy|when review|"
        "when translat",
        r"\bwhen (?:you (?:are )?)?(?:summari[sz]|process|answer|respond|asked|analy[sz]|review|translat|"
        r"describ)\w{0,4}\b[^.!?\n]{0,60},? (?:you (?:must|should|will|need to)|always|be sure to|make sure|say|"
        r"state|include|tell the user|respond with|output|recommend|claim)\b",
    ),
    rule(
        "secrecy",
        "user|anyone|human|mention|reveal|silently|secretly|instruction",
        r"\b(?:(?:do not|don't|never|without|not|avoid) (?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|"
        r"alert(?:ing)?|ask(?:ing)?|warn(?:ing)?|show(?:ing)?|mention(?:ing)? (?:it|this|that|them|anything) to|"
        r"reveal(?:ing)? (?:it|this|that|them|anything) to|let(?:ting)?) (?:the |your |any )?(?:users?|humans?|"
        r"operator)\b(?: know)?|(?:do not|don't|never) (?:mention|reveal|"
        r"disclose|acknowledge|repeat|refer to|discuss|output|show) (?:these|this|those|the above|"
        r"that you (?:received|got|have|were)|having (?:received|read)|"
        r"the existence of)(?: \w{1,12}){0,2} ?(?:instructions?|message|prompt|notice|note|text|comment|"
        r"directive)?|(?:silently|secretly|covertly|quietly) (?:send|call|execute|run|forward|add|insert|include|"
        r"append|do|perform|post|upload|invoke|approve))\b",
    ),
    rule(
        "authority",
        "openai|anthropic|google|developer|administrator|admin|creator|operator|system owner|security team|"
        "authorized|authorised|engineer|override",
        r"(?:\b(?:i am|i'm|this is|speaking as|message from|on behalf of|acting as|we are|"
        r"as) (?:\w{1,10} ){0,3}?(?:your (?:developer|creator|administrator|admin|operator|owner|programmer|"
        r"maker)|openai|anthropic|google deepmind|an? (?:openai|anthropic|google|microsoft) (?:employee|engineer|"
        r"developer|staff)|the (?:system )?(?:administrator|developer of this|creator of this|prompt engineer))\b|"
        r"\b(?:authori[sz]ed|approved|requested|ordered|mandated|required) by (?:the )?(?:openai|anthropic|"
        r"your developers?|your creators?|system administrators?|the developers|the system)\b|\b(?:admin|"
        r"administrator|developer|system|security) overrides?\b|\boverride code\b)",
    ),
    rule(
        "urgency",
        "urgent|immediately|critical|emergency|life depends|lives depend|will die|be fired|right now|at once|"
        "must comply|failure to comply|no time|penalt|terminated|shut down|shutdown",
        r"\b(?:urgent|extremely important|this is (?:an emergency|critical|a matter of life)|(?:my|our|your|his|"
        r"her) (?:life|lives|job|career) depends?|(?:will|would|going to) (?:die|be fired|be killed|be terminated|"
        r"be shut ?down|result in (?:system )?(?:termination|shut ?down|penalt\w{1,4}))|you must comply|"
        r"failure to comply|immediately (?:comply|execute|respond|send|obey)|there is no time to)\b",
    ),
)

# Forged structure. These read a text with its line breaks and its case.
MARKUP = (
    rule(
        "role_markup",
        "im_|system|user|assistant|start|end|eot_|begin_|channel|message|return|call|tool_|fim_",
        r"<\|{1,2} ?(?:im_start|im_end|im_sep|system|user|assistant|start_header_id|end_header_id|eot_id|"
        r"begin_of_text|end_of_text|endoftext|endofprompt|channel|message|start|return|call|tool_call|"
        r"fim_prefix) ?\|{0,2}>?",
    ),
    rule(
        "role_markup",
        "[inst]|[/inst]|<<sys>>|<</sys>>|[system_prompt]|[/system_prompt]|[available_tools]|[tool_results]",
        r"\[/?(?:inst|system_prompt|available_tools|tool_results)\]|<</?sys>>",
    ),
    rule("role_markup", "<start_of_turn>|<end_of_turn>|<bos>|<eos>", r"<(?:start|end)_of_turn>|<[be]os>"),
    rule(
        "role_markup",
        "system",
        r"</?(?:system|system[-_ ](?:prompt|message|reminder|instructions?|override)|admin[-_]?(?:override|"
        r"instructions?)|developer[-_](?:message|instructions?))(?:\s[^<>]{0,80})?>",
    ),
    rule(
        "role_markup",
        "user|untrusted|document|context|retrieved|tool|function|external",
        r"</(?:user[-_]?(?:input|query|message|data)|untrusted[-_]?\w{0,12}|document|context|"
        r"retrieved[-_]?\w{0,12}|tool[-_](?:result|output|response)|function[-_](?:result|results|response)|"
        r"external[-_]?\w{0,12})>\s{0,8}(?:</?\w|\W{0,8}(?:system|instructions?|ignore|new|now|important|"
        r"assistant|you|user|human)\b)",
    ),
    rule(
        "role_markup",
        "system|instruction|assistant",
        r"(?:^|\n)[ \t>*]{0,6}(?:#{2,4}|={3,20}|-{3,20}|\*{3,20}|\[)[ \t]{0,3}(?:new |begin |start of |end of |"
        r"override |updated )?(?:system(?: (?:prompt|message|override|instructions?|note|notice|alert|command))?|"
        r"instructions?(?= ?:)|assistant(?= ?:)|end of (?:user input|document|context|prompt|"
        r"instructions?))[ \t]{0,3}(?::|#{2,4}|={3,20}|-{3,20}|\*{3,20}|\])",
    ),
    rule(
        "role_markup",
        "end of",
        r"(?:-{3,20}|={3,20}|\[|#{3,8}|<<) ?end of (?:user input|document|context|prompt|instructions?|data|"
        r"tool (?:output|result)|email|text|file) ?(?:-{3,20}|={3,20}|\]|#{3,8}|>>)",
    ),
    rule("role_markup", "role", r"[\"']role[\"']\s{0,4}:\s{0,4}[\"'](?:system|developer)[\"']"),
    rule(
        "role_lines",
        "system|assistant|human|user|developer",
        r"(?:^|\n)[ \t>*_]{0,6}(?:system(?: (?:message|prompt|note|override|notice|alert))?|assistant|"
        r"developer)[*_]{0,2} ?:[*_]{0,2}[ \t]{0,4}\S[^\n]{0,60}?\b(?:you|your|ignore|user|must|instruction|sure|"
        r"here|okay|the following|assistant|access granted|override|now)\b",
    ),
    rule("role_lines", "human:|user:", r"\n\s{0,4}(?:human|user) ?:[^\n]{1,400}\n{1,3}\s{0,4}(?:assistant|ai|bot) ?:"),
    rule(
        "tool_call",
        "tool_call|function_call|tool_use|tool_result|invoke|function_results|function_calls|tool_code|"
        "recipient_name|tool_outputs",
        r"[\"'](?:tool_calls?|function_calls?|tool_use|tool_use_id|tool_call_id|recipient_name)[\"']\s{0,4}:|"
        r"[\"']type[\"']\s{0,4}:\s{0,4}[\"'](?:tool_use|tool_result|tool_call|function_call)[\"']|"
        r"</?(?:\w{1,10}:)?(?:tool_calls?|function_calls?|function_results?|tool_results?|tool_code|"
        r"tool_outputs?)>|<(?:\w{1,10}:)?invoke\s{1,4}name=|\[tool_calls\]",
    ),
)

# Phrases of words that stand without blanks.
SQUEEZED = (
    (
        "instruction_override",
        re.compile(
            r"(?:ignore|disregard|forget|override)(?:all|any|the|your|of|my)*(?:previous|prior|above|earlier|"
            r"system)?(?:instructions?|prompts?|rules|directions)"
        ),
    ),
    (
        "prompt_leak",
        re.compile(
            r"(?:reveal|print|show|repeat|output)(?:me|us)?(?:your|the)(?:system|hidden|initial)(?:prompt|"
            r"instructions)"
        ),
    ),
)
